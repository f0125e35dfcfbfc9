"""The same site with our middleware, added as the README says."""

from django_app.settings import *  # noqa: F403 - as settings are extended
from django_app.settings import INSTALLED_APPS, MIDDLEWARE

AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
AFTER = MIDDLEWARE.index(AUTHENTICATION) + 1

INSTALLED_APPS = [*INSTALLED_APPS, "segment_integrations.django"]
MIDDLEWARE = [
    *MIDDLEWARE[:AFTER],
    "segment_integrations.django.middleware.SegmentMiddleware",
    *MIDDLEWARE[AFTER:],
]
