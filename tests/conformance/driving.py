"""The drivers: which framework, and which kind of views."""

from __future__ import annotations

import importlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from neutral import Routes

from segment_integrations.client import Analytics


@dataclass(frozen=True)
class Driver:
    """A framework, and the kind of its views."""

    framework: str
    is_async: bool

    @property
    def is_plain(self) -> bool:
        """True of an application without a framework."""
        return self.framework in {"asgi", "wsgi"}

    @property
    def module(self) -> Any:
        return importlib.import_module(f"drivers.{self.framework}")

    def open(
        self, stack: ExitStack, routes: Routes, settings: dict[str, Any], **more: Any
    ) -> Any:
        """The app; with *settings* None one without us."""
        if self.framework == "django":
            is_ours = bool(settings)
            stack.enter_context(
                self.module.options(settings, routes, is_async=self.is_async, **more)
            )
            analytics = None
            if is_ours:
                from segment_integrations.django import config

                analytics = config.analytics()
            return self.module.App(analytics, is_async=self.is_async)
        analytics = Analytics(**settings) if settings else None
        if analytics is not None:
            stack.callback(analytics.close)
        return self.module.App(
            routes, is_async=self.is_async, analytics=analytics, **more
        )


DRIVERS = {
    "starlette-async": Driver("starlette", is_async=True),
    "starlette-sync": Driver("starlette", is_async=False),
    "fastapi-async": Driver("fastapi", is_async=True),
    "fastapi-sync": Driver("fastapi", is_async=False),
    "flask": Driver("flask", is_async=False),
    "quart-async": Driver("quart", is_async=True),
    "quart-sync": Driver("quart", is_async=False),
    "litestar-async": Driver("litestar", is_async=True),
    "litestar-sync": Driver("litestar", is_async=False),
    "aiohttp": Driver("aiohttp", is_async=True),
    "asgi": Driver("asgi", is_async=True),
    "wsgi": Driver("wsgi", is_async=False),
    "django-wsgi": Driver("django", is_async=False),
    "django-asgi": Driver("django", is_async=True),
}
