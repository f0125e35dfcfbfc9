"""
What Flask and Quart share: Werkzeug's routes, and sessions of the same kind.

Routes come out in the one normal form, with the parameters as the path has them.
Imports neither framework.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from werkzeug.exceptions import HTTPException, MethodNotAllowed

from segment_integrations.core.marks import may_be_marked
from segment_integrations.core.request import Routing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.routing import MapAdapter, Rule

    Matched = tuple[Rule, Mapping[str, object], str, str]
    """A rule, what it made of the parameters, the path below the mount, the method."""

_MARKS: Final = ("__segment_no_page__", "__segment_page_name__")
_PLACEHOLDER: Final = re.compile(r"<(?:(\w+)(?:\(.*?\))?:)?(\w+)>")
_ONE_SEGMENT: Final = frozenset({"", "default", "string", "int", "float", "uuid"})
_TEMPLATES_MAX: Final = 1_024


@lru_cache(maxsize=_TEMPLATES_MAX)
def _template(rule: str) -> tuple[str, re.Pattern[str]]:
    """A rule in the normal form, and an expression that finds its parameters."""
    pattern, end = "", 0
    for found in _PLACEHOLDER.finditer(rule):
        kind, name = found[1] or "", found[2]
        one = "[^/]+?" if kind in _ONE_SEGMENT else ".+?"
        pattern += f"{re.escape(rule[end : found.start()])}(?P<{name}>{one})"
        end = found.end()
    pattern += re.escape(rule[end:].rstrip("/")) + "/?"
    return _PLACEHOLDER.sub(r"{\2}", rule), re.compile(pattern, re.DOTALL)


def routed(
    rule: Rule, args: Mapping[str, object], path: str, view: object = None
) -> Routing:
    """
    A matched *rule* as a `Routing`.

    Args:
        rule: The rule.
        args: What it made of the parameters.
        path: The path that it matched, without where the app is mounted.
        view: The view, for its marks.
    """
    template, pattern = _template(rule.rule)
    # As they stand in the path: a convertor may have made anything of them, and it is
    # the path in which secrets are masked.
    raw = pattern.fullmatch(path)
    endpoint = str(rule.endpoint)
    return Routing(
        template=template,
        view=endpoint,
        params=raw.groupdict() if raw else dict.fromkeys(args),
        endpoint=view,
        is_internal=endpoint == "static" or endpoint.endswith(".static"),
        is_marked=may_be_marked(view),
    )


class Known:
    """What is true of a rule whoever visits it, for the rules that were visited."""

    def __init__(self) -> None:
        self._visited: dict[
            tuple[int, str], tuple[Rule, object, Routing, re.Pattern[str]]
        ] = {}

    def of(self, matched: Matched, view: object) -> Routing:
        """As `routed`, for the class or the method of *view* that carries a mark."""
        rule, args, path, method = matched
        key = (id(rule), method)
        found = self._visited.get(key)
        # The rule is kept, so that no other can have its id.
        if found is None or found[1] is not view:
            if len(self._visited) >= _TEMPLATES_MAX:
                self._visited.clear()
            bare = routed(rule, {}, "", marked(view, method))
            pattern = _template(rule.rule)[1]
            found = self._visited[key] = (rule, view, bare, pattern)
        _, _, bare, pattern = found
        if not args:
            return bare
        raw = pattern.fullmatch(path)
        return Routing(
            bare.template,
            bare.view,
            raw.groupdict() if raw else dict.fromkeys(args),
            bare.endpoint,
            bare.is_internal,
            bare.is_marked,
        )


def resolved(adapter: MapAdapter, path: str) -> Routing | None:
    """Route a *path* of this site as the app would; None for what is not its own."""
    root = adapter.script_name.rstrip("/")
    if not path.startswith(f"{root}/"):
        return None
    path = path.removeprefix(root)
    try:
        try:
            rule, args = adapter.match(
                path, method="GET", return_rule=True, websocket=False
            )
        except MethodNotAllowed as error:
            method = next(iter(error.valid_methods or ()), None)
            rule, args = adapter.match(
                path, method=method, return_rule=True, websocket=False
            )
    except HTTPException:  # none of this app's, or a redirect to one
        return None
    return routed(rule, args, path)


def marked(view: object, method: str) -> object:
    """Of a view, its class and the class's method, the one that carries a mark."""
    kind = getattr(view, "view_class", None)
    # Interned: Python keeps each new name it looks up on a class, here one a request.
    handler = getattr(kind, sys.intern(method.lower()), None)
    for one in (handler, view, kind):
        if one is not None and any(hasattr(one, mark) for mark in _MARKS):
            return one
    return view


def unmarked(session: Any, keys: tuple[str, ...]) -> list[object]:
    """The values of *keys* in *session*, and its flags as they were."""
    accessed, modified = session.accessed, session.modified
    try:
        return [session.get(one) for one in keys]
    finally:
        session.accessed, session.modified = accessed, modified
