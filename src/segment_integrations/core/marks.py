"""What `page_name` and `no_page` put on a view, wherever on it they stand."""

from __future__ import annotations

_MARKS = ("__segment_no_page__", "__segment_page_name__")


def may_be_marked(endpoint: object) -> bool:
    """False where neither mark is on the view; of a class, its methods may have one."""
    return isinstance(endpoint, type) or any(hasattr(endpoint, one) for one in _MARKS)


def is_no_page(endpoint: object, method: str) -> bool:
    """True where the view, or the method of it that serves, carries `no_page`."""
    if not isinstance(endpoint, type):
        return getattr(endpoint, "__segment_no_page__", False) is True
    return _mark(endpoint, method, "__segment_no_page__") is True


def page_name(endpoint: object, method: str) -> str | None:
    """The name that `page_name` put on the view or on its method, if any."""
    if isinstance(endpoint, type):
        name = _mark(endpoint, method, "__segment_page_name__")
    else:
        name = getattr(endpoint, "__segment_page_name__", None)
    return name if isinstance(name, str) else None


def _mark(endpoint: type, method: str, name: str) -> object:
    """Of a class-based view: its own method says more than the class."""
    handler = getattr(endpoint, method.lower(), None)
    if handler is None and method == "HEAD":
        handler = getattr(endpoint, "get", None)
    found: object = getattr(handler, name, None)
    return getattr(endpoint, name, None) if found is None else found
