"""
Finds a decorator that stands on the wrong side of a route decorator.

The route decorators of FastAPI, Flask and Django Ninja keep the function that they get
and return it unchanged; a decorator above them changes something that no request ever
calls. That would be silent, so it is looked for where it is cheap: in the names that
the decorated module can see.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

FRAMEWORKS: Final = frozenset({"fastapi", "flask", "ninja", "quart", "starlette"})


def registered_with(function: Any, frame: FrameType) -> str | None:
    """
    The framework that has just taken *function* as an endpoint, or None.

    Args:
        function: What is about to be decorated.
        frame: Where that happens.
    """
    name = getattr(function, "__name__", "")
    names = {**frame.f_globals, **frame.f_locals}
    if names.get(name) is function:
        return None  # no decorator at a definition: an explicit call, so on purpose
    chain: list[object] = []
    while function is not None and len(chain) < 20:  # noqa: PLR2004 - a circle's end
        chain.append(function)
        function = getattr(function, "__wrapped__", None)
    for value in names.values():
        framework = _framework(value)
        if framework is None:
            continue
        with suppress(Exception):  # shapes of other people's objects
            for endpoint in _latest(value):
                if any(endpoint is link for link in chain):
                    return framework
    return None


def _framework(value: object) -> str | None:
    if isinstance(value, type):
        return None
    for kind in type(value).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in FRAMEWORKS:
            return package
    return None


def _latest(app: Any) -> Iterator[object]:
    """The endpoint that was added to *app* last, in each way of keeping endpoints."""
    for route in list(getattr(app, "routes", ()))[-1:]:
        yield getattr(route, "endpoint", None)
    yield from list(getattr(app, "view_functions", {}).values())[-1:]
    router = getattr(app, "default_router", app)  # Django Ninja's API, or its router
    for view in list(getattr(router, "path_operations", {}).values()):
        for operation in view.operations[-1:]:
            yield operation.view_func
    for deferred in list(getattr(app, "deferred_functions", ()))[-1:]:
        for cell in deferred.__closure__ or ():  # a Flask blueprint's
            yield cell.cell_contents
