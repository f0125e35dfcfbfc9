"""
Django's URL patterns, matched by their expressions alone.

A convertor may ask the database, which a visit that only names an address must not
cost; and what it makes of a text does not tell what stands in the path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import ResolverMatch

from segment_integrations.core.privacy import merged

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN = "django.urls.converters"


def candidates(path: str, urlconf: Any) -> Iterator[tuple[ResolverMatch, bool]]:
    """
    What *path* may be routed to, with texts for parameters; in Django's order.

    Yields:
        A match, and whether it is sure: a convertor of the application's own may refuse
        the text, and the next one is taken.
    """
    return _below(get_resolver(urlconf), path)


def _below(node: Any, path: str) -> Iterator[tuple[ResolverMatch, bool]]:
    step = _step(node.pattern, path)
    if step is None:
        return
    rest, args, kwargs, is_sure = step
    if isinstance(node, URLPattern):
        route = str(node.pattern)
        name = node.name
        yield ResolverMatch(node.callback, args, kwargs, name, route=route), is_sure
        return
    for one in node.url_patterns:
        prefix = str(one.pattern) if isinstance(one, URLResolver) else ""
        for found, is_found_sure in _below(one, rest):
            inner = found.route or ""
            both = merged(kwargs, found.kwargs)
            match = ResolverMatch(
                found.func,
                found.args if both else (*args, *found.args),
                both,
                found.url_name,
                [node.app_name, *found.app_names],
                [node.namespace, *found.namespaces],
                # As Django joins them.
                prefix + inner.removeprefix("^") if prefix else inner,
            )
            yield match, is_sure and is_found_sure


def _step(
    pattern: Any, path: str
) -> tuple[str, tuple[Any, ...], dict[str, str | None], bool] | None:
    """As the *pattern*'s own `match`, without its convertors."""
    converters = getattr(pattern, "converters", None)
    if not converters:
        found = pattern.match(path)
        return None if found is None else (*found, True)
    match = pattern.regex.search(path)
    if match is None:
        return None
    is_sure = all(type(one).__module__ == _OWN for one in converters.values())
    return path[match.end() :], (), match.groupdict(), is_sure
