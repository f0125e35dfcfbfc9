"""``uvicorn segment_integrations.demo.django_shop.asgi:application``."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault(
    "DJANGO_SETTINGS_MODULE", "segment_integrations.demo.django_shop.settings"
)
application = get_asgi_application()

from segment_integrations.demo.django_shop.setup import prepare  # noqa: E402 - needs the settings

prepare()
