"""What a page or screen call says of the request that it is made in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from segment_integrations.core.current import RequestContext
    from segment_integrations.core.message import Call

VIEWS: Final = frozenset({"page", "screen"})
"""The calls that show something."""

PAGE_FIELDS: Final = ("path", "referrer", "search", "title", "url")
"""Of a page call's properties, those that `context.page` repeats (segment-spec 2.6)."""


def view_fields(
    call: Call, own: dict[str, Any], context: RequestContext | None
) -> dict[str, Any]:
    """A page or screen call's fields, completed with what the request says."""
    properties = own["properties"]
    name = own["name"]
    if call == "page" and context is not None and context.root.info is not None:
        routing = context.routing
        facts: dict[str, Any] = {**context.page(), "method": context.root.info.method}
        if routing.template is not None:
            facts["route"] = routing.template
        if routing.view is not None:
            facts["view"] = routing.view
        properties = {**facts, **properties}
        name = name or page_name(routing.endpoint) or routing.template
        context.root.is_page_sent = True
    fields: dict[str, Any] = {"properties": properties}
    if name is not None:
        fields["name"] = name
    if own["category"] is not None:
        fields["category"] = own["category"]
        properties.setdefault("category", own["category"])
    return fields


def page_name(endpoint: object) -> str | None:
    """The name that `page_name` put on the view, if any."""
    marked = getattr(endpoint, "__segment_page_name__", None)
    return marked if isinstance(marked, str) else None
