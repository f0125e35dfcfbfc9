"""What `page_name` and `no_page` put on a view, wherever on it they stand."""

from __future__ import annotations


def is_no_page(endpoint: object, method: str) -> bool:
    """True where the view, or the method of it that serves, carries `no_page`."""
    return _mark(endpoint, method, "__segment_no_page__") is True


def page_name(endpoint: object, method: str) -> str | None:
    """The name that `page_name` put on the view or on its method, if any."""
    name = _mark(endpoint, method, "__segment_page_name__")
    return name if isinstance(name, str) else None


def _mark(endpoint: object, method: str, name: str) -> object:
    if isinstance(endpoint, type):
        # A class-based view: its own method says more than the class.
        handler = getattr(endpoint, method.lower(), None)
        if handler is None and method == "HEAD":
            handler = getattr(endpoint, "get", None)
        found: object = getattr(handler, name, None)
        if found is not None:
            return found
    return getattr(endpoint, name, None)
