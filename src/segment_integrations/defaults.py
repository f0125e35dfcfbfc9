"""Which `Analytics` the module-level calls use."""

from __future__ import annotations

import logging
import os
import weakref
from typing import TYPE_CHECKING, Final

from segment_integrations.core.counters import Throttle
from segment_integrations.core.current import current
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from segment_integrations.client import Analytics


class _Registry:
    """The open ones, oldest first; the first is kept alive, the others are not."""

    def __init__(self) -> None:
        self.first: Analytics | None = None
        self.open: list[weakref.ref[Analytics]] = []
        self.factories: list[Callable[[], Analytics | None]] = []
        self.bad_plan: str | None = None
        # One warning in the life of the process.
        self.missing_key = Throttle(clock=lambda: 0.0)


_registry: Final = _Registry()


def register(analytics: Analytics) -> None:
    """Note a new one; the first becomes the default."""
    _registry.open.append(weakref.ref(analytics))
    if _registry.first is None:
        _registry.first = analytics


def unregister(analytics: object) -> None:
    """Forget a closed one; the oldest of the others becomes the default."""
    alive = [one for ref in _registry.open if (one := ref()) is not None]
    alive = [one for one in alive if one is not analytics]
    _registry.open = [weakref.ref(one) for one in alive]
    if _registry.first is analytics:
        _registry.first = alive[0] if alive else None


def opened() -> list[Analytics]:
    """All that are open, oldest first."""
    return [one for ref in _registry.open if (one := ref()) is not None]


def add_factory(factory: Callable[[], Analytics | None]) -> None:
    """Let a framework make the default out of its own settings, before SEGMENT_*."""
    if factory not in _registry.factories:
        _registry.factories.append(factory)


def default_analytics() -> Analytics | None:
    """
    The one that module-level calls use outside a request.

    Returns:
        The first made in this process and not closed; else one made by a framework's
        settings or from ``SEGMENT_*``; None where there is no key.
    """
    if _registry.first is not None:
        return _registry.first
    for factory in _registry.factories:
        made = factory()
        if made is not None:
            return made
    given = os.environ.get("SEGMENT_PLAN")
    if given is not None and given == _registry.bad_plan:
        return None  # a large file: it is not read again at each call
    from segment_integrations.client import Analytics

    try:
        return Analytics()
    except ConfigurationError as error:
        if error.setting == "plan":
            _registry.bad_plan = given
        _registry.missing_key.log(
            "missing", logging.WARNING, "calls are ignored: %s", error
        )
        return None


def analytics_now() -> Analytics | None:
    """The `Analytics` of the running request, else the default one."""
    from segment_integrations.client import Analytics

    context = current()
    if context is not None and isinstance(context.analytics, Analytics):
        return context.analytics
    return default_analytics()
