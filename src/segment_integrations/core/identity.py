"""
Who the running request is about, and the order in which the sources of that win.

What the code said last comes first, `bind` blocks from the inside out; then what the
request itself says. See docs/identity.md.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from segment_integrations.core import consent, cookie, events, privacy
from segment_integrations.core.held import Waiting

if TYPE_CHECKING:
    from segment_integrations.core.counters import Throttle
    from segment_integrations.core.observe import PageCalls
    from segment_integrations.core.request import RequestInfo, ResponseInfo
    from segment_integrations.core.settings import Settings


class Owner(Protocol):
    """What a context needs of the `Analytics` that made it."""

    settings: Settings
    throttle: Throttle
    page_calls: PageCalls


class _Unset:
    """The type of `UNSET`: "nobody said", where None means "nobody is signed in"."""


UNSET: Final = _Unset()

NONE_WAIT: Final = Waiting()
"""Of every request in which nothing waits yet; nothing is ever added to it."""


class Identity:
    """
    The user, the visitor, the account and the consent of a request.

    Args:
        analytics: The `Analytics` that the request's calls go to; None in a `bind`
            outside a request, where the default one is used.
        info: The request; None outside one.
        parent: The context around this one, for `bind`.
        detect: Tells who is signed in, by the framework's own means.
    """

    analytics: Owner | None
    info: RequestInfo | None
    parent: Identity | None
    _detect: Callable[[], object] | None

    # Defaults on the class: a request without an event sets none of them.
    response: ResponseInfo | None = None
    cookie_to_set: str | None = None
    waiting: Waiting = NONE_WAIT
    is_holding: bool = False
    announced: dict[str, str] | None = None
    _user_id: str | _Unset | None = UNSET
    _anonymous_id: str | _Unset | None = UNSET
    _group_id: str | _Unset | None = UNSET
    _traits: dict[str, Any] | None = None
    _consent: consent.Answer | None = None
    _cookie_id: str | _Unset | None = UNSET

    @property
    def root(self) -> Identity:
        """The context of the request itself. Found, not kept: it would be a circle."""
        context = self
        while context.parent is not None:
            context = context.parent
        return context

    @property
    def user_id(self) -> str | None:
        """Who is signed in: what the code said last, else what the request says."""
        said = self._user_id if self.parent is None else self._said("_user_id")
        if said is not UNSET:
            return said  # type: ignore[return-value]  # isinstance would be a call
        return (self if self.parent is None else self.root)._detected("user")

    @property
    def anonymous_id(self) -> str | None:
        """The visitor's anonymous id: set by code, else claimed by the cookie."""
        root, said = self, self._anonymous_id
        if self.parent is not None:
            root, said = self.root, self._said("_anonymous_id")
        if said is UNSET:
            said = root._cookie_id
            if said is UNSET:
                claim = None if root.info is None else root.info.cookie(cookie.NAME)
                said = root._cookie_id = privacy.anonymous_id(claim)
        return said  # type: ignore[return-value]  # as above

    @property
    def group_id(self) -> str | None:
        """The account that events belong to (`context.groupId`)."""
        said = self._group_id if self.parent is None else self._said("_group_id")
        if said is not UNSET:
            return said  # type: ignore[return-value]  # as above
        root = self if self.parent is None else self.root
        if root.analytics is None or root.analytics.settings.group is None:
            return None  # most applications have no such setting
        return root._detected("group")

    @property
    def traits(self) -> dict[str, Any] | None:
        """Traits given to `set_user`; they ride along as `context.traits`."""
        if self.parent is None:
            return self._traits
        context: Identity | None = self
        while context is not None:
            if context._traits is not None:
                return context._traits
            context = context.parent
        return None

    def _said(self, name: str) -> str | _Unset | None:
        """What the code said about *name*, in the innermost block that did."""
        context: Identity | None = self
        while context is not None:
            value: str | _Unset | None = getattr(context, name)
            if value is not UNSET:
                return value
            context = context.parent
        return UNSET

    def _detected(self, what: str) -> str | None:
        """Ask the setting's callable, else (for the user) the framework."""
        if self.analytics is None or self.info is None:
            return None
        settings = self.analytics.settings
        ask = settings.user if what == "user" else settings.group
        detect = self._detect if what == "user" else None
        if ask is None and detect is None:
            return None
        try:
            found = detect() if ask is None else ask(self.info.native)  # type: ignore[misc]  # one of both is there
            if found is None:
                return None
            return events.identifier(found, f"{what}_id")
        except Exception as error:  # noqa: BLE001 - the application's callable
            self.analytics.throttle.failed(what, error)
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
        elif self._mints() or (
            # Without an id there is nothing to lose, and nobody is asked; and a block
            # around some of the request's work is about whom it says.
            self.parent is None and new is not None and self.anonymous_id is not None
        ):
            before = self._said("_user_id")
            if before is UNSET:
                self._user_id = new  # lest a `user` callable that says it goes round
                before = self.root._detected("user")
            if before not in {None, new}:
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

    # -- messages that wait for better ones ---------------------------------------

    @contextmanager
    def holding(self) -> Iterator[None]:
        """
        Let what is sent in the block wait for the view's own identify.

        Whoever uses it calls `release` when the request ends, for a response may never
        start. Once one has started, nothing waits.
        """
        root = self.root
        if root.response is not None:
            yield
            return
        if root.waiting is NONE_WAIT:
            root.waiting = Waiting()
        root.is_holding = True
        try:
            yield
        finally:
            root.is_holding = False

    def release(self) -> None:
        """Send what waits."""
        self.root.waiting.release()

    # -- the anonymous id that we mint ------------------------------------------

    def _mints(self) -> bool:
        root = self.root
        return (
            root.analytics is not None
            and root.analytics.settings.anonymous_cookie
            and root.info is not None
        )

    def rotate_anonymous_id(self) -> str | None:
        """
        Mint a new anonymous id, to be set as a cookie; None where none may be.

        The events from here on, in this block, carry it and not the one before.
        """
        if not self.may_mint():
            self._anonymous_id = None
            return None
        minted = events.new_message_id()
        self._anonymous_id = minted
        self.root.cookie_to_set = minted
        return minted

    def mint_anonymous_id(self) -> str | None:
        """
        As `rotate_anonymous_id`, for a visitor of whom nothing is known.

        It is the request's, as the cookie is, also inside `bind`. Where the code said
        that there is no visitor, there is none.
        """
        if self._said("_anonymous_id") is not UNSET:
            return None
        return self.root.rotate_anonymous_id()

    def may_mint(self, response: ResponseInfo | None = None) -> bool:
        """True where a new anonymous id may be given to this visitor."""
        root = self.root
        if not self._mints() or root.response is not None:
            return False
        if response is not None and cookie.is_shared_cacheable(response):
            return False
        return consent.agrees_to_any(self.consent()) and not self.objects()

    # -- consent ----------------------------------------------------------------

    def consent(self) -> consent.Answer:
        """The visitor's answer, asked once a request; yes outside one."""
        root = self if self.parent is None else self.root
        if root._consent is None:
            if root.analytics is None or root.info is None:
                return True
            root._consent = consent.ask(
                root.info, root.analytics.settings, root.analytics.throttle
            )
        return root._consent

    def objects(self) -> bool:
        """True where Global Privacy Control stops the automatic parts."""
        root = self if self.parent is None else self.root
        if root.analytics is None or root.info is None:
            return False
        return consent.objects(root.info, root.analytics.settings)

    def is_sampled(self, fraction: float) -> bool:
        """
        True for the visitors that the `sample` setting keeps.

        By visitor, not by event, so that a funnel is kept whole or not at all.
        """
        key = self.anonymous_id or self.user_id
        return key is None or in_sample(key, fraction)

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
        return f"{type(self).__name__}(set: {', '.join(known) or 'nothing'})"


def in_sample(key: str, fraction: float) -> bool:
    """True for the *fraction* of all keys; the same key gets the same answer."""
    if fraction >= 1.0:
        return True
    return zlib.crc32(key.encode("utf-8", "replace")) / 0x1_0000_0000 < fraction
