"""
Keeps tracing tools from seeing our own requests.

A tool that records HTTP requests would make a span or a breadcrumb of each of ours,
add its headers to them, and a customer's tracing bill would grow with their analytics.
A tool is muted only where the program has imported it; none is imported here. A tool
that has changed under us is left alone: its spans are a nuisance, a lost event is not.

- OpenTelemetry (API 1.0 to 1.x): a context in which instrumentation is off, as its own
  exporters set one. It covers the instrumentations of urllib3, requests, httpx and
  whatever else asks `is_instrumentation_enabled`.
- sentry-sdk 2.x: a scope whose client has no integrations, so that those of
  http.client, httpx and logging do nothing. In its own words an "active" client, since
  for an inactive one it goes on to the program's.
"""

from __future__ import annotations

import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

OTEL_KEYS: Final = ("suppress_instrumentation",)
"""
Source: opentelemetry-instrumentation, ``utils.py``: the key of before 1.11, which is
still looked at.
"""

OTEL_KEY_NAMES: Final = (
    "_SUPPRESS_INSTRUMENTATION_KEY",
    "_SUPPRESS_HTTP_INSTRUMENTATION_KEY",
)
"""Source: opentelemetry-api, ``context/__init__.py``, "temporary location"."""


class quiet:  # noqa: N801 - a context manager, read as a word
    """
    Mute tracing tools for what this thread does inside.

    Costs two dictionary look-ups where no such tool is imported. Never raises by
    itself.
    """

    __slots__ = ("_undo",)

    def __enter__(self) -> None:
        self._undo = [
            undo
            for module, mute in MUTES.items()
            if module in sys.modules and (undo := _try(mute, sys.modules[module]))
        ]

    def __exit__(self, *_: object) -> None:
        for undo in self._undo:
            _try(undo)


def _try(call: Callable[..., Any], *args: Any) -> Any:
    """Give what *call* gives, and None where it raises."""
    try:
        return call(*args)
    except Exception:  # noqa: BLE001 - whatever a tool has become
        return None


def _mute_opentelemetry(context: Any) -> Callable[[], object]:
    muted = context.get_current()
    named = (getattr(context, name, None) for name in OTEL_KEY_NAMES)
    for key in (*OTEL_KEYS, *filter(None, named)):
        muted = context.set_value(key, True, muted)
    return partial(context.detach, context.attach(muted))


def _mute_sentry(module: Any) -> Callable[[], object]:
    client = sys.modules["sentry_sdk.client"].BaseClient
    used = module.use_scope(_deaf(module.Scope, client))
    used.__enter__()
    return partial(used.__exit__, None, None, None)


@cache
def _deaf(make_scope: type[Any], base: type[Any]) -> Any:
    """Make a scope of sentry whose client passes for active, and has no integration."""

    class Deaf(base):  # type: ignore[misc]  # sentry-sdk may not be there
        def is_active(self) -> bool:
            return True

        def get_integration(self, *_: object) -> None:
            return None

    scope = make_scope()
    # Not by `set_client`: it also writes to the scope that the whole program shares.
    scope.client = Deaf()
    return scope


MUTES: Final = {
    "opentelemetry.context": _mute_opentelemetry,
    "sentry_sdk.scope": _mute_sentry,
}
"""By the module that must be there: what mutes the tool, and gives what undoes it."""
