"""The settings of the project; the write key is read from ``SEGMENT_WRITE_KEY``."""

import os
import secrets

SECRET_KEY = os.environ.get("SECRET_KEY", secrets.token_hex())
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "app"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "app.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "segment_integrations.django",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "segment_integrations.django.middleware.SegmentMiddleware",
]
SEGMENT = {"ANONYMOUS_COOKIE": True}
