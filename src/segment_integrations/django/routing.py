"""Where Django's router took a request, in the one normal form of all frameworks."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings as django_settings
from django.urls import resolve
from django.utils import translation

from segment_integrations.core.marks import may_be_marked
from segment_integrations.core.privacy import merged, secrets
from segment_integrations.core.request import UNROUTED, Routing
from segment_integrations.django.patterns import candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest
    from django.urls import ResolverMatch

_ROUTES_MAX: Final = 1_024
"""Source: ours; far more than a site has routes."""

_PATH_MAX_CHARS: Final = 2_048

_INTERNAL_APPS: Final = frozenset({"admin", "djdt", "silk"})
_INTERNAL_MODULES: Final = (
    "django.views.static",
    "django.contrib.staticfiles.",
    "django.contrib.admindocs.",
    "debug_toolbar.",
    "django_browser_reload.",
)
_MARKS: Final = ("__segment_page_name__", "__segment_no_page__")

_CONVERTOR = re.compile(r"<(?:[^<>:]*:)?([^<>:]+)>")
_NAME = re.compile(r"{(\w+)}")
_GROUP = re.compile(r"\((?:\?(?:P<(\w+)>|P=\w+|<?[=!]|#|[a-zA-Z-]+:|[a-zA-Z]+|:))?")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")


def of_unrouted(request: HttpRequest) -> Routing:
    """
    Where *request* would be routed, that has no match of the router's own.

    A page out of a cache was never routed, nor is a request that is still in the
    middleware.
    """
    path = request.path_info
    if len(path) > _PATH_MAX_CHARS:
        return UNROUTED
    urlconf = getattr(request, "urlconf", None) or django_settings.ROOT_URLCONF
    return _routed(path, urlconf, _language()) or UNROUTED


def of_site_path(request: HttpRequest, path: str) -> Routing | None:
    """Where *path* of the same site would be routed: to clean referrers."""
    prefix = str(request.META.get("SCRIPT_NAME") or "").rstrip("/")
    return of_path(path.removeprefix(prefix) or "/", getattr(request, "urlconf", None))


def of_path(path: str, urlconf: Any = None) -> Routing | None:
    """Where *path* would be routed by its patterns alone, or None."""
    if len(path) > _PATH_MAX_CHARS:
        return None
    return _resolved(path, urlconf or django_settings.ROOT_URLCONF, _language())


def _language() -> str | None:
    return translation.get_language() if django_settings.USE_I18N else None


@lru_cache(maxsize=_ROUTES_MAX)
def _resolved(path: str, urlconf: Any, language: str | None) -> Routing | None:
    return _in_languages(_by_patterns, path, urlconf, language)


@lru_cache(maxsize=_ROUTES_MAX)
def _routed(path: str, urlconf: Any, language: str | None) -> Routing | None:
    return _in_languages(_by_django, path, urlconf, language)


def _in_languages(
    find: Callable[[str, Any], Routing | None],
    path: str,
    urlconf: Any,
    language: str | None,
) -> Routing | None:
    first = path.lstrip("/").partition("/")[0]
    languages = [language]
    if language is not None and first in dict(django_settings.LANGUAGES):
        languages.append(first)  # under i18n_patterns, each is found in its own only
    for one in languages:
        try:
            if one == language:
                found = find(path, urlconf)
            else:
                with translation.override(one):
                    found = find(path, urlconf)
        except Exception:  # noqa: BLE001, S112 - Resolver404, or a convertor's fault
            continue
        if found is not None:
            return found
    return None


def _by_patterns(path: str, urlconf: Any) -> Routing | None:
    routing: Routing | None = None
    texts: dict[str, str | None] = {}
    for match, is_sure in candidates(path, urlconf):
        routing = routing or of_match(match)
        # What it is, only the convertors know: the secrets of all are masked.
        texts = merged(texts, _captured(match))
        if is_sure:
            break
    return routing and routing.with_params(texts)


def _by_django(path: str, urlconf: Any) -> Routing:
    match = resolve(path, urlconf)
    routing = of_match(match)
    # What is kept holds no object of the application's.
    return routing.with_params(_texts(match, path, urlconf))


def _texts(match: ResolverMatch, path: str, urlconf: Any) -> Mapping[str, str | None]:
    """The parameters of Django's own *match* as they stand in the *path*."""
    for found, _ in candidates(path, urlconf):
        if found.func is match.func and found.route == match.route:
            return _captured(found)
    return dict.fromkeys((*match.kwargs, *map(str, range(len(match.args)))))


def _captured(match: ResolverMatch) -> dict[str, str | None]:
    unnamed = {str(at): one for at, one in enumerate(match.args)}
    return {**match.kwargs, **unnamed}


def of_request(
    match: ResolverMatch, request: HttpRequest, masks: frozenset[str]
) -> Routing:
    """As `of_match`, with the texts that *request* has for what *masks* names."""
    routing = of_match(match)
    # By the template: of an include's parameters Django's `captured_kwargs` has none.
    if (template := routing.template) is None or "{" not in template:
        names: tuple[str, ...] = tuple(routing.params)
    else:
        names = _names(template)
    if not names or not secrets(names, masks):
        return routing
    urlconf = getattr(request, "urlconf", None) or django_settings.ROOT_URLCONF
    try:
        texts = _texts(match, request.path_info, urlconf)
    except Exception:  # noqa: BLE001 - of Django's internals
        texts = dict.fromkeys(names)
    return routing.with_params(texts)


@lru_cache(maxsize=_ROUTES_MAX)
def _names(template: str) -> tuple[str, ...]:
    return tuple(_NAME.findall(template))


def forget_resolved() -> None:
    """Forget where paths were routed: the URLconf has changed."""
    _resolved.cache_clear()
    _routed.cache_clear()


_known: Final[dict[tuple[int, str | None, str], tuple[object, list[str], Routing]]] = {}
"""What is true of a route whatever its parameters, for those that were asked for."""


def of_match(match: ResolverMatch) -> Routing:
    """The facts of Django's own *match*."""
    route: str | None = getattr(match, "route", None)
    key = (id(match.func), route, match.view_name)
    found = _known.get(key)
    if found is None or found[1] != match.app_names:
        if len(_known) >= _ROUTES_MAX:
            _known.clear()
        endpoint = _endpoint(match.func)
        bare = Routing(
            template=None if route is None else normal_form(route),
            view=match.view_name,
            endpoint=endpoint,
            is_internal=_is_internal(match),
            is_marked=may_be_marked(endpoint),
        )
        # The view is kept, so that no other can have its id.
        found = _known[key] = (match.func, match.app_names, bare)
    known = found[2]
    # Not `kwargs`, which hold the URLconf's own extra arguments as well.
    captured: Mapping[str, object] | None = getattr(match, "captured_kwargs", None)
    params = match.kwargs if captured is None else captured
    if match.args:
        params = {**params, **{str(at): one for at, one in enumerate(match.args)}}
    if not params:
        return known
    return Routing(
        known.template,
        known.view,
        params,
        known.endpoint,
        known.is_internal,
        known.is_marked,
    )


def _is_internal(match: ResolverMatch) -> bool:
    if not _INTERNAL_APPS.isdisjoint(match.app_names):
        return True
    module = f"{getattr(match.func, '__module__', '')}."
    return module.startswith(_INTERNAL_MODULES)


def _endpoint(view: Any) -> object:
    """The function or class behind *view* that carries a mark, else the view's own."""
    seen: list[object] = []
    queue = [view]
    while queue and len(seen) <= 32:  # noqa: PLR2004 - a bound; decorators may loop
        one = queue.pop(0)
        if any(hasattr(one, mark) for mark in _MARKS):
            return one
        seen.append(one)
        inner = (
            getattr(one, name, None)
            for name in ("view_class", "cls", "func", "__wrapped__")
        )
        queue.extend(
            each
            for each in inner
            if each is not None and all(each is not known for known in seen)
        )
    return getattr(view, "view_class", view)


@lru_cache(maxsize=_ROUTES_MAX)
def normal_form(route: str) -> str:
    """
    *route* with ``{name}`` for each parameter, ``{0}`` for one without a name.

    A route may be put together from `path()` and `re_path()`, so both are read in one
    go: ``<int:id>`` and ``(?P<id>..)`` to ``{id}``; anchors, look-arounds and the marks
    of what is optional go.
    """
    text = _Scan(route).until_end()
    return text if text.startswith("/") else f"/{text}"


class _Scan:
    """One pass over a route."""

    def __init__(self, route: str) -> None:
        self.route = route
        self.at = 0
        self.unnamed = 0

    def until_end(self) -> str:
        """The normal form up to the end, or to the end of the open group."""
        out: list[str] = []
        while self.at < len(self.route):
            char = self.route[self.at]
            if char == ")":
                break
            if char == "\\":
                out.append(self._escape())
            elif char == "(":
                out.append(self._group())
            elif char in "^$?":
                self.at += 1
            elif char == "[":
                out.append(self._match(_CLASS) or self._char())
            elif char == "<":
                found = _CONVERTOR.match(self.route, self.at)
                if found is None:
                    out.append(self._char())
                else:
                    self.at = found.end()
                    out.append(f"{{{found[1]}}}")
            else:
                out.append(self._char())
        return "".join(out)

    def _char(self) -> str:
        self.at += 1
        return self.route[self.at - 1]

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.route, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def _escape(self) -> str:
        """An escaped sign as itself; an anchor as nothing; a class as it stands."""
        pair = self.route[self.at : self.at + 2]
        self.at += len(pair)
        if pair[1:] in {"A", "Z", "b", "B"}:
            return ""
        return pair if pair[1:].isalnum() else pair[1:]

    def _group(self) -> str:
        """What stands for a group: its name, its number, its content, or nothing."""
        found = _GROUP.match(self.route, self.at)
        assert found is not None  # noqa: S101 - it stands at a parenthesis
        opening, name = found[0], found[1]
        self.at = found.end()
        number = self.unnamed
        if opening == "(":
            self.unnamed += 1
        content = self.until_end()
        self.at += 1
        self._match(_QUANTIFIER)
        if name is not None:
            return f"{{{name}}}"
        if opening == "(":
            return f"{{{number}}}"
        return content if opening.endswith(":") else ""
