"""
Remembers what was said of whom, so that an unchanged identify is not sent again.

There is no lock that a fork could break: each step is one operation of a dict. A race
of two threads costs an identify that was not needed, never one that was.
"""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from segment_integrations.core import encode
from segment_integrations.core.tap import SEAT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

USERS_MAX: Final = 10_000
"""So many users are remembered, the most recent ones. Source: ours, about 4 MB."""

VISITORS_MAX: Final = 32
"""Browsers of one user. Source: ours; a test account that all share has no end."""

KEPT_S: Final = 3_600.0
"""
After an hour it is sent again. Source: ours; another process may have said something
else of the user meanwhile, and what that left wrong must not last.
"""

_DIGEST_BYTES: Final = 16
_AROUND: Final = ("groupId", "consent")
"""What of the context a destination may treat as a change of the user."""


class Ticket(NamedTuple):
    """One identify, as digests under a key of this process: it tells nothing."""

    user: bytes
    visitor: bytes
    traits: bytes | None
    around: bytes


class _Said:
    """What was said last of one user, and from which browsers."""

    __slots__ = ("traits", "until", "visitors")

    def __init__(self, traits: bytes | None, until: float) -> None:
        self.traits = traits
        self.until = until
        self.visitors: dict[bytes, tuple[bytes, str]] = {}


class Identified:
    """
    The identify calls of one `Analytics` that were accepted, within bounds.

    Args:
        clock: Monotonic seconds; injected by tests.
        users_max: How many users are remembered.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        users_max: int = USERS_MAX,
    ) -> None:
        self.skipped = 0
        """Identify calls that were not sent for nothing had changed."""
        self._clock = clock
        self._half = users_max // 2
        self._key = os.urandom(_DIGEST_BYTES)
        self._epoch = SEAT.epoch
        # Two halves instead of one ordered dict, whose order would need a lock: when
        # the young half is full it becomes the old one, whose entries are forgotten
        # unless they are asked for.
        self._young: dict[bytes, _Said] = {}
        self._old: dict[bytes, _Said] = {}

    def ticket(self, message: Mapping[str, Any], own: Mapping[str, Any]) -> Ticket:
        """What identifies the built *message*, of whose fields *own* are the call's."""
        context = message["context"]
        around = {name: context[name] for name in _AROUND if name in context}
        traits = own["traits"]
        user = message.get("userId")
        visitor = message.get("anonymousId")
        return Ticket(
            self._digest(["user", user] if user is not None else ["visitor", visitor]),
            self._digest(visitor),
            self._digest(_ordered(traits)) if traits else None,
            self._digest(around),
        )

    def known(self, ticket: Ticket) -> str | None:
        """
        The `messageId` of the identify that said the same, if one stands; counts it.

        One without traits says nothing new of a user and a visitor who were joined.
        """
        said = self._found(ticket.user)
        if said is None or ticket.traits not in {None, said.traits}:
            return None
        around, message_id = said.visitors.get(ticket.visitor, (b"", ""))
        if around != ticket.around:
            return None
        self.skipped += 1
        return message_id

    def note(self, ticket: Ticket, message_id: str) -> None:
        """Remember an identify that was accepted."""
        said = self._found(ticket.user)
        if (
            said is None
            or ticket.traits not in {None, said.traits}
            or len(said.visitors) >= VISITORS_MAX
        ):
            traits = ticket.traits
            if said is not None and traits is None:
                traits = said.traits
            said = _Said(traits, self._clock() + KEPT_S)
            self._keep(ticket.user, said)
        said.visitors[ticket.visitor] = (ticket.around, message_id)

    def forget(self, ticket: Ticket) -> None:
        """Let the next identify of this user be sent, whatever it says."""
        self._young.pop(ticket.user, None)
        self._old.pop(ticket.user, None)

    def clear(self) -> None:
        """Forget all: what was accepted may have been lost."""
        self._young, self._old = {}, {}

    def _found(self, user: bytes) -> _Said | None:
        if self._epoch != SEAT.epoch:  # another test looks at the events now
            self._epoch = SEAT.epoch
            self.clear()
        said = self._young.get(user)
        if said is None:
            said = self._old.get(user)
            if said is None:
                return None
            self._keep(user, said)
        return said if self._clock() < said.until else None

    def _keep(self, user: bytes, said: _Said) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[user] = said

    def _digest(self, value: object) -> bytes:
        body = encode.encode({"v": value})
        return hashlib.blake2b(body, digest_size=_DIGEST_BYTES, key=self._key).digest()


def _ordered(traits: Mapping[str, Any]) -> list[tuple[str, Any]]:
    pairs = ((str(name), traits[name]) for name in traits)
    return sorted(pairs, key=lambda pair: pair[0])
