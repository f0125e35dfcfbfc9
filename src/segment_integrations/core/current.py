"""
`RequestContext`, and the one context variable that carries it.

The holder is mutable and shared: a change made in a worker thread, a dependency or
below another middleware is seen by all. At the end of the request it is unbound by
putting the previous value back, never by a token (which belongs to one context and can
be used once), and it is not wiped: a task that outlives the request keeps it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from segment_integrations.core import context as spec_context
from segment_integrations.core import cookie, events
from segment_integrations.core.identity import Identity, Owner
from segment_integrations.core.policy import PageDecision
from segment_integrations.core.request import UNROUTED, ResponseInfo, Routing
from segment_integrations.errors import InvalidEvent

if TYPE_CHECKING:
    from segment_integrations.core.request import RequestInfo, Visited

VARIABLE: ContextVar[RequestContext | None] = ContextVar(
    "segment_integrations_context", default=None
)

fallbacks: list[Callable[[], RequestContext | None]] = []
"""Asked in turn where the variable is empty: frameworks that keep the request by other
means in places where no context variable of ours can be (Flask's streamed bodies)."""


def current() -> RequestContext | None:
    """The context of the running request or `bind` block, or None outside both."""
    context = VARIABLE.get()
    if context is None:
        for fallback in fallbacks:
            context = fallback()
            if context is not None:
                return None if context is _inherited else context
    return context


_inherited: RequestContext | None = None
"""What was bound where this process was forked: its parent's."""


def _after_fork_in_child() -> None:
    """A child's work is not of the request that its parent forked in."""
    global _inherited  # noqa: PLW0603 - one for each process
    _inherited = current()
    VARIABLE.set(None)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork_in_child)


def set_current(context: RequestContext | None) -> RequestContext | None:
    """Bind *context* and return what was bound before, to be put back by value."""
    previous = VARIABLE.get()
    VARIABLE.set(context)
    return previous


class Bound:
    """Binds *context* for a ``with`` block; puts the previous one back by value."""

    __slots__ = ("_previous", "context")

    def __init__(self, context: RequestContext) -> None:
        self.context = context
        self._previous: RequestContext | None = None

    def __enter__(self) -> RequestContext:
        self._previous = set_current(self.context)
        return self.context

    def __exit__(self, *_: object) -> None:
        set_current(self._previous)


class RequestContext(Identity):
    """
    What is known about the running request: who, from where, on which page.

    Args:
        analytics: As `Identity` has it, and so are *info*, *parent* and *detect*.
        info: The request.
        started: When it started, in Unix seconds; by default now.
        parent: The context around this one.
        routing: Tells where the framework's router took the request.
        resolve: Routes another path of this site, to clean referrers.
        detect: Tells who is signed in.
    """

    parent: RequestContext | None
    is_page_sent: bool = False
    _extra: dict[str, Any] | None = None
    _shared: dict[str, Any] | None = None
    _page: dict[str, str] | None = None
    _found: Routing | None = None
    is_answered: bool = False
    """Whether the response has begun, and the router has done its work."""

    def __init__(
        self,
        analytics: Owner | None,
        info: RequestInfo | None = None,
        *,
        started: float | None = None,
        parent: RequestContext | None = None,
        routing: Callable[[], Routing] | None = None,
        resolve: Callable[[str], Routing | None] | None = None,
        detect: Callable[[], object] | None = None,
    ) -> None:
        # No call of the base's: this is made for each request.
        self.analytics = analytics
        self.info = info
        self.parent = parent
        self._detect = detect
        self.started = time.time() if started is None else started
        self._routing = routing
        self._resolve = resolve

    @property
    def root(self) -> RequestContext:
        """As `Identity` has it. Slower than a look at `parent`, nearly always None."""
        context = self
        while context.parent is not None:
            context = context.parent
        return context

    @property
    def routing(self) -> Routing:
        """Where the framework's router took the request, as far as it is known."""
        root = self if self.parent is None else self.root
        if root._routing is None or root.analytics is None:
            return UNROUTED
        if root._found is not None:
            return root._found
        try:
            found = root._routing()
        except Exception as error:  # noqa: BLE001 - of a framework's internals
            root.analytics.throttle.failed("routing", error)
            return UNROUTED
        if root.is_answered:
            root._found = found
        return found

    def routed(self, response: ResponseInfo) -> Routing:
        """`routing`, else what the *response* says: who has none of our adapters."""
        return response.routing if self._routing is None else self.routing

    def page(self) -> dict[str, str]:
        """The spec's `context.page` of this request."""
        root = self if self.parent is None else self.root
        if root._page is not None:
            return root._page
        if root.info is None or root.analytics is None:
            return {}
        routing = root._found or root.routing
        page = spec_context.page(
            root.info, routing, root.analytics.settings, root._resolve
        )
        # Before routing it is not known which parts are secrets: ask again later.
        if routing is not UNROUTED or root._routing is None or root.response:
            root._page = page
        return page

    def shared(self) -> dict[str, Any]:
        """The part of the spec's `context` that all events of this request share."""
        root = self if self.parent is None else self.root
        if root._shared is not None:
            return root._shared
        if root.info is None or root.analytics is None:
            return {}
        try:
            page = root._page or root.page()
            shared = spec_context.request_context(
                root.info, page, root.analytics.settings
            )
        except Exception as error:  # noqa: BLE001 - of what a client sent
            root.analytics.throttle.failed("context", error)
            return {}
        if root._page is page:
            root._shared = shared
        return shared

    def extra(self) -> dict[str, Any]:
        """What `bind(context=...)` added, outermost first."""
        if self.parent is None:
            return self._extra or {}
        below = self.parent.extra()
        return events.merged(below, self._extra) if self._extra else below

    def cookie_header(self, response: ResponseInfo) -> str | None:
        """
        The ``Set-Cookie`` value that the *response* needs, or None nearly always.

        To be asked before the response starts, and only under `anonymous_cookie`.
        """
        root = self.root
        if root.analytics is None or root.info is None:
            return None
        decide = root.analytics.page_calls.decide
        # A page view is a browser's, which keeps the cookie, whoever is signed in; an
        # event may come from a client that keeps none, so it mints for nobody known.
        if self.anonymous_id is None and decide(root, response).sends:
            self.rotate_anonymous_id()
        if root.cookie_to_set is None or cookie.is_shared_cacheable(response):
            return None
        is_secure = root.info.scheme == "https"
        return cookie.set_cookie(root.cookie_to_set, is_secure=is_secure)

    def observe(self, response: ResponseInfo) -> None:
        """
        Take note that the *response* has started; send the page call, if there is one.

        Only the first response of a request counts.
        """
        if self.response is None and self.analytics is not None:
            self.analytics.page_calls.observe(self, response)

    def explain(self) -> PageDecision:
        """
        Why this request's page call is sent or not.

        Before the response has started it is taken to be a plain HTML page.
        """
        root = self.root
        if root.analytics is None:
            return PageDecision(sends=False, reason="disabled")
        response = root.response or ResponseInfo(
            200, {"content-type": "text/html"}, root.routing
        )
        return root.analytics.page_calls.decide(root, response)


class VisitContext(RequestContext):
    """
    The context of a request whose *info* knows as well where it goes and whose it is.

    Args:
        analytics: As `RequestContext` has it.
        info: The request; has the methods `routing`, `resolve` and `detect`.
    """

    info: Visited
    parent = None

    def __init__(self, analytics: Owner, info: Visited) -> None:
        # Made for each request: without three callables of its own.
        self.analytics = analytics
        self.info = info
        self.started = time.time()

    # The info's own methods, without a step between.
    _routing = property(attrgetter("info.routing"))
    _resolve = property(attrgetter("info.resolve"))
    _detect = property(attrgetter("info.detect"))


@contextmanager
def bind(
    *,
    user_id: object = None,
    anonymous_id: object = None,
    group_id: object = None,
    context: object = None,
    analytics: Owner | None = None,
    refuse: Callable[[InvalidEvent], object] = lambda _: None,
) -> Iterator[RequestContext]:
    """
    Let the calls inside the block be about this user; see the public `bind`.

    Args:
        user_id: As given by the caller, and so are the next three.
        anonymous_id: The same.
        group_id: The same.
        context: The same.
        analytics: Where the calls inside go; by default as around.
        refuse: Told of what is no id; it may raise. The block is then about nobody,
            rather than about whom the code around is.
    """
    outer = current()
    inner = RequestContext(
        analytics or (outer.analytics if outer is not None else None),
        outer.info if outer is not None else None,
        parent=outer,
    )
    for field, value in (
        ("user_id", user_id),
        ("anonymous_id", anonymous_id),
        ("group_id", group_id),
    ):
        try:
            known = events.identifier(value, field)
        except InvalidEvent as error:
            refuse(error)
            known = None
        else:
            if known is None:
                continue
        setattr(inner, f"_{field}", known)
    try:
        inner._extra = events.mapping(context, "context") or None
    except InvalidEvent as error:
        refuse(error)
    previous = set_current(inner)
    try:
        yield inner
    finally:
        set_current(previous)
