"""``gunicorn segment_integrations.demo.django_shop.wsgi:application``."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault(
    "DJANGO_SETTINGS_MODULE", "segment_integrations.demo.django_shop.settings"
)
application = get_wsgi_application()

from segment_integrations.demo.django_shop.setup import prepare  # noqa: E402 - needs the settings

prepare()
