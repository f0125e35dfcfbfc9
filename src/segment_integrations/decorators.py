"""Marks on views: `page_name`, `no_page`, and the `@tracks` decorator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F")


def page_name(name: str) -> Callable[[F], F]:
    """
    Name the automatic page call of the view: ``@page_name("Product")``.

    Args:
        name: The page's name, instead of the route template.
    """

    def mark(view: F) -> F:
        view.__segment_page_name__ = name  # type: ignore[attr-defined]
        return view

    return mark


def no_page(view: F) -> F:
    """Send no automatic page call for this view."""
    view.__segment_no_page__ = True  # type: ignore[attr-defined]
    return view


def tracks(event: str, **options: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Emit *event* when the function has returned."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        return function

    return decorate
