"""
`RequestContext`, and the one context variable that carries it.

The holder is mutable and shared: a change made in a worker thread, a dependency or
below another middleware is seen by all. At the end of the request it is unbound by
putting the previous value back, never by a token (which belongs to one context and can
be used once), and it is not wiped: a task that outlives the request keeps it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol

from segment_integrations.core import consent, cookie, events, privacy
from segment_integrations.core import context as spec_context
from segment_integrations.core.policy import PageDecision
from segment_integrations.core.request import UNROUTED, ResponseInfo, Routing
from segment_integrations.errors import InvalidEvent

if TYPE_CHECKING:
    from segment_integrations.core.counters import Throttle
    from segment_integrations.core.observe import PageCalls
    from segment_integrations.core.request import RequestInfo
    from segment_integrations.core.settings import Settings


class Owner(Protocol):
    """What a context needs of the `Analytics` that made it."""

    settings: Settings
    throttle: Throttle
    page_calls: PageCalls


class _Unset:
    """The type of `UNSET`: "nobody said", where None means "nobody is signed in"."""


UNSET: Final = _Unset()

_current: ContextVar[RequestContext | None] = ContextVar(
    "segment_integrations_context", default=None
)

fallbacks: list[Callable[[], RequestContext | None]] = []
"""Asked in turn where the variable is empty: frameworks that keep the request by other
means in places where no context variable of ours can be (Flask's streamed bodies)."""


def current() -> RequestContext | None:
    """The context of the running request or `bind` block, or None outside both."""
    context = _current.get()
    if context is None:
        for fallback in fallbacks:
            context = fallback()
            if context is not None:
                break
    return context


def set_current(context: RequestContext | None) -> RequestContext | None:
    """Bind *context* and return what was bound before, to be put back by value."""
    previous = _current.get()
    _current.set(context)
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


class RequestContext:
    """
    What is known about the running request: who, from where, with which consent.

    Args:
        analytics: The `Analytics` that the request's calls go to; None in a `bind`
            outside a request, where the default one is used.
        info: The request; None outside one.
        parent: The context around this one, for `bind`.
        routing: Tells where the framework's router took the request.
        resolve: Routes another path of this site, to clean referrers.
        detect: Tells who is signed in, by the framework's own means.
    """

    __slots__ = (
        "_anonymous_id",
        "_consent",
        "_cookie_id",
        "_detect",
        "_extra",
        "_group_id",
        "_page",
        "_resolve",
        "_routing",
        "_shared",
        "_traits",
        "_user_id",
        "analytics",
        "cookie_to_set",
        "info",
        "is_page_sent",
        "parent",
        "response",
        "root",
        "started",
    )

    def __init__(
        self,
        analytics: Owner | None,
        info: RequestInfo | None = None,
        *,
        started: float = 0.0,
        parent: RequestContext | None = None,
        routing: Callable[[], Routing] | None = None,
        resolve: Callable[[str], Routing | None] | None = None,
        detect: Callable[[], object] | None = None,
    ) -> None:
        self.analytics = analytics
        self.info = info
        self.started = started
        self.parent = parent
        self.root: RequestContext = self if parent is None else parent.root
        self._routing = routing
        self._resolve = resolve
        self._detect = detect
        self._user_id: str | _Unset | None = UNSET
        self._anonymous_id: str | _Unset | None = UNSET
        self._group_id: str | _Unset | None = UNSET
        self._traits: dict[str, Any] | None = None
        self._extra: dict[str, Any] | None = None
        self._shared: dict[str, Any] | None = None
        self._page: dict[str, str] | None = None
        self._consent: consent.Answer | None = None
        self._cookie_id: str | _Unset | None = UNSET
        self.cookie_to_set: str | None = None
        self.is_page_sent = False
        self.response: ResponseInfo | None = None

    # -- identity ---------------------------------------------------------------

    @property
    def user_id(self) -> str | None:
        """Who is signed in: what the code said last, else what the request says."""
        context: RequestContext | None = self
        while context is not None:
            if not isinstance(context._user_id, _Unset):
                return context._user_id
            context = context.parent
        return self.root._detected("user")

    @property
    def anonymous_id(self) -> str | None:
        """The visitor's anonymous id: set by code, else claimed by the cookie."""
        context: RequestContext | None = self
        while context is not None:
            if not isinstance(context._anonymous_id, _Unset):
                return context._anonymous_id
            context = context.parent
        root = self.root
        if isinstance(root._cookie_id, _Unset):
            claim = root.info.cookies.get(cookie.NAME) if root.info else None
            root._cookie_id = privacy.anonymous_id(claim)
        return root._cookie_id

    @property
    def group_id(self) -> str | None:
        """The account that events belong to (`context.groupId`)."""
        context: RequestContext | None = self
        while context is not None:
            if not isinstance(context._group_id, _Unset):
                return context._group_id
            context = context.parent
        return self.root._detected("group")

    @property
    def traits(self) -> dict[str, Any] | None:
        """Traits given to `set_user`; they ride along as `context.traits`."""
        context: RequestContext | None = self
        while context is not None:
            if context._traits is not None:
                return context._traits
            context = context.parent
        return None

    def _detected(self, what: str) -> str | None:
        """Ask the setting's callable, else (for the user) the framework."""
        if self.analytics is None or self.info is None:
            return None
        settings = self.analytics.settings
        ask = settings.user if what == "user" else settings.group
        with self.analytics.throttle.guard(what):
            if ask is not None:
                return events.identifier(ask(self.info.native), f"{what}_id")
            if what == "user" and self._detect is not None:
                return events.identifier(self._detect(), "user_id")
        return None

    def set_user(
        self,
        user_id: object,
        *,
        anonymous_id: object = None,
        group_id: object = None,
        traits: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Let the events from here on be *user_id*'s; sends nothing.

        Raises:
            InvalidEvent: An id is of a type that is no id.
        """
        new = events.identifier(user_id, "user_id")
        anonymous = events.identifier(anonymous_id, "anonymous_id")
        group = events.identifier(group_id, "group_id")
        if anonymous is not None:
            self._anonymous_id = anonymous
        elif self._mints():
            before = self.user_id
            if before is not None and before != new:
                # Another person on the same browser: the history is not theirs.
                self.rotate_anonymous_id()
        self._user_id = new
        if group is not None:
            self._group_id = group
        if traits is not None:
            self._traits = events.mapping(traits, "traits")

    def ask_again(self) -> None:
        """Forget what the code said: the framework knows better who is signed in."""
        self._user_id = UNSET

    def set_group(self, group_id: str) -> None:
        """Let the events from here on belong to the account *group_id*."""
        self._group_id = group_id

    def sign_out(self) -> None:
        """
        Forget user, group and traits, as after a logout.

        The anonymous id is rotated where it is ours (`anonymous_cookie`); else it is
        the browser library's, which rotates it itself.
        """
        self._user_id = None
        self._group_id = None
        self._traits = {}
        if self._mints():
            self.rotate_anonymous_id()

    def reset(self) -> None:
        """Forget user, group, traits and the anonymous id, which may be minted anew."""
        self._anonymous_id = None
        self.sign_out()

    # -- the anonymous id that we mint ------------------------------------------

    def _mints(self) -> bool:
        root = self.root
        return (
            root.analytics is not None
            and root.analytics.settings.anonymous_cookie
            and root.info is not None
        )

    def rotate_anonymous_id(self) -> str | None:
        """Mint a new anonymous id, to be set as a cookie; None without consent."""
        if not self.may_mint():
            self._anonymous_id = None
            return None
        minted = events.new_message_id()
        self._anonymous_id = minted
        self.root.cookie_to_set = minted
        return minted

    def may_mint(self, response: ResponseInfo | None = None) -> bool:
        """True where a new anonymous id may be given to this visitor."""
        root = self.root
        if not self._mints() or root.response is not None:
            return False
        if response is not None and cookie.is_shared_cacheable(response):
            return False
        return consent.agrees_to_any(self.consent()) and not self.objects()

    def cookie_header(self, response: ResponseInfo) -> str | None:
        """
        The ``Set-Cookie`` value that the *response* needs, or None nearly always.

        To be asked before the response starts, and only under `anonymous_cookie`.
        """
        root = self.root
        if root.analytics is None or root.info is None:
            return None
        if (
            self.user_id is None
            and self.anonymous_id is None
            and root.analytics.page_calls.decide(root, response).sends
        ):
            self.rotate_anonymous_id()
        if root.cookie_to_set is None or cookie.is_shared_cacheable(response):
            return None
        is_secure = root.info.scheme == "https"
        return cookie.set_cookie(root.cookie_to_set, is_secure=is_secure)

    # -- consent ----------------------------------------------------------------

    def consent(self) -> consent.Answer:
        """The visitor's answer, asked once a request; yes outside one."""
        root = self.root
        if root._consent is None:
            if root.analytics is None or root.info is None:
                return True
            root._consent = consent.ask(
                root.info, root.analytics.settings, root.analytics.throttle
            )
        return root._consent

    def objects(self) -> bool:
        """True where Global Privacy Control stops the automatic parts."""
        root = self.root
        if root.analytics is None or root.info is None:
            return False
        return consent.objects(root.info, root.analytics.settings)

    # -- what events carry ------------------------------------------------------

    @property
    def routing(self) -> Routing:
        """Where the framework's router took the request, as far as it is known."""
        root = self.root
        if root._routing is None or root.analytics is None:
            return UNROUTED
        found = UNROUTED
        with root.analytics.throttle.guard("routing"):
            found = root._routing()
        return found  # noqa: RET504 - the guard may have swallowed the call

    def page(self) -> dict[str, str]:
        """The spec's `context.page` of this request."""
        root = self.root
        if root._page is not None:
            return root._page
        if root.info is None or root.analytics is None:
            return {}
        routing = root.routing
        page = spec_context.page(
            root.info, routing, root.analytics.settings, root._resolve
        )
        # Before routing it is not known which parts are secrets: ask again later.
        if routing is not UNROUTED or root._routing is None or root.response:
            root._page = page
        return page

    def shared(self) -> dict[str, Any]:
        """The part of the spec's `context` that all events of this request share."""
        root = self.root
        if root._shared is not None:
            return root._shared
        if root.info is None or root.analytics is None:
            return {}
        shared: dict[str, Any] = {}
        with root.analytics.throttle.guard("context"):
            page = root.page()
            shared = spec_context.request_context(
                root.info, page, root.analytics.settings
            )
            if root._page is page:
                root._shared = shared
        return shared

    def extra(self) -> dict[str, Any]:
        """What `bind(context=...)` added, outermost first."""
        below = self.parent.extra() if self.parent is not None else {}
        return events.merged(below, self._extra) if self._extra else below

    def is_sampled(self, fraction: float) -> bool:
        """
        True for the visitors that the `sample` setting keeps.

        By visitor, not by event, so that a funnel is kept whole or not at all.
        """
        key = self.anonymous_id or self.user_id
        return key is None or in_sample(key, fraction)

    # -- the page call ----------------------------------------------------------

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

    def __repr__(self) -> str:
        """Show which ids are known, not the ids."""
        known = [
            name
            for name, value in (
                ("user", self._user_id),
                ("anonymous", self._anonymous_id),
            )
            if isinstance(value, str)
        ]
        return f"RequestContext(set: {', '.join(known) or 'nothing'})"


def in_sample(key: str, fraction: float) -> bool:
    """True for the *fraction* of all keys; the same key gets the same answer."""
    if fraction >= 1.0:
        return True
    return zlib.crc32(key.encode("utf-8", "replace")) / 0x1_0000_0000 < fraction


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
