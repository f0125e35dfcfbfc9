"""
Run as ``python -m unpatched <framework>``: compares it before and after our use.

It ends with an error that names each class or function that is another one afterwards.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any

WARM = {
    "starlette": "applications testclient middleware.sessions staticfiles responses"
    " routing middleware.base",
    "fastapi": "applications routing testclient",
    "flask": "app testing sessions",
    "quart": "app testing sessions asgi",
    "litestar": "app middleware.session.client_side plugins response testing",
    "aiohttp": "web client web_urldispatcher payload",
    "django": "test test.client core.handlers.base core.handlers.asgi urls http"
    " core.handlers.wsgi core.signing dispatch template views.static",
}
ROOTS = {"flask": ("flask", "werkzeug"), "fastapi": ("fastapi", "starlette")}
KINDS = (
    type,
    types.FunctionType,
    types.MethodType,
    classmethod,
    staticmethod,
    property,
)

Found = dict[tuple[str, ...], Any]


def snapshot(roots: tuple[str, ...]) -> Found:
    """Every class and function of the framework's modules and classes."""
    found: Found = {}
    for name, module in list(sys.modules.items()):
        if module is None or name.partition(".")[0] not in roots:
            continue
        for key, value in list(vars(module).items()):
            if issubclass(type(value), KINDS):  # not isinstance: lazy objects
                found[name, key] = value
            if issubclass(type(value), type) and value.__module__.startswith(roots):
                for below, item in list(vars(value).items()):
                    if issubclass(type(item), KINDS):
                        found[value.__module__, value.__qualname__, below] = item
    return found


class Nowhere:
    """A sink that keeps nothing."""

    def put(self, body: bytes, message: object) -> None:
        """Take it."""


def use(framework: str) -> int:
    """Import us, build an app with us and visit it; gives the status."""
    import neutral

    driver = importlib.import_module(f"drivers.{framework}")
    routes = {"/": neutral.plain}
    ask = neutral.Ask("/", headers=neutral.browser())
    if framework == "django":
        values = {"write_key": "key", "enabled": False}
        with driver.options(values, routes, is_async=False):
            return int(driver.App(None, is_async=False).send(ask).status)
    from segment_integrations import Analytics

    analytics = Analytics("key", sink=Nowhere())
    app = driver.App(routes, is_async=False, analytics=analytics)
    return int(app.send(ask).status)


def main(framework: str) -> None:
    """Compare."""
    for one in WARM[framework].split():
        importlib.import_module(f"{framework}.{one}")
    roots = ROOTS.get(framework, (framework,))
    assert "segment_integrations" not in sys.modules
    before = snapshot(roots)
    assert len(before) > 300, len(before)
    assert use(framework) == 200
    after = snapshot(roots)
    changed = [key for key, value in before.items() if after.get(key) is not value]
    assert not changed, changed


if __name__ == "__main__":
    main(sys.argv[1])
