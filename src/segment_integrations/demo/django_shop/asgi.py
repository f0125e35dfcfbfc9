"""``uvicorn segment_integrations.demo.django_shop.asgi:application``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.core.asgi import get_asgi_application

from segment_integrations import flush

os.environ.setdefault(
    "DJANGO_SETTINGS_MODULE", "segment_integrations.demo.django_shop.settings"
)
django = get_asgi_application()

from segment_integrations.demo.django_shop.setup import prepare  # noqa: E402 - needs the settings

prepare()


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Mapping[str, Any]]],
    send: Callable[[Mapping[str, Any]], Awaitable[None]],
) -> None:
    """
    Django, and the lifespan that it lacks.

    uvicorn ends its process by the signal that it got, so that nothing runs at exit:
    what is queued has to be sent before the shutdown is complete.
    """
    if scope["type"] != "lifespan":
        await django(scope, receive, send)
        return
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.to_thread(flush)
    await send({"type": "lifespan.shutdown.complete"})
