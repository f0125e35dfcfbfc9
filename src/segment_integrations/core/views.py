"""What a page or screen call says of the request that it is made in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from segment_integrations.core.marks import page_name

if TYPE_CHECKING:
    from segment_integrations.core.current import RequestContext
    from segment_integrations.core.message import Call
    from segment_integrations.core.request import RequestInfo

VIEWS: Final = frozenset({"page", "screen"})
"""The calls that show something."""

PAGE_FIELDS: Final = ("path", "referrer", "search", "title", "url")
"""Of a page call's properties, those that `context.page` repeats (segment-spec 2.6)."""


def page_fields(
    known: Iterable[tuple[str, Any]] | Mapping[str, Any], properties: Mapping[str, Any]
) -> dict[str, Any]:
    """`context.page` of a page call: what is *known* of it, then what the call says."""
    # As it is where the call says nothing of its own, which is nearly always.
    if (
        type(known) is dict
        and "title" not in properties
        and known.items() <= properties.items()
    ):
        return known
    facts = dict(known)
    for name in PAGE_FIELDS:
        if name in properties:
            facts[name] = properties[name]
    return facts


def shown(root: RequestContext, info: RequestInfo) -> tuple[str | None, dict[str, Any]]:
    """The name and the properties of a page call, as far as the request knows them."""
    routing, method = root._found or root.routing, info.method  # noqa: SLF001 - of this package
    facts: dict[str, Any] = {**root.page(), "method": method}
    template = routing.template
    if template is not None:
        facts["route"] = template
    if routing.view is not None:
        facts["view"] = routing.view
    name = page_name(routing.endpoint, method) if routing.is_marked else None
    return name or template, facts


def view_fields(
    call: Call, own: dict[str, Any], context: RequestContext | None
) -> dict[str, Any]:
    """A page or screen call's fields, completed with what the request says."""
    properties = own["properties"]
    name = own["name"]
    root = context
    if root is not None and root.parent is not None:
        root = root.root
    if call == "page" and root is not None and root.info is not None:
        known, facts = shown(root, root.info)
        properties = {**facts, **properties}
        name = name or known
        root.is_page_sent = True
    fields: dict[str, Any] = {"properties": properties}
    if name is not None:
        fields["name"] = name
    if own["category"] is not None:
        fields["category"] = own["category"]
        properties.setdefault("category", own["category"])
    return fields
