"""
Messages that are made and wait a moment, for a better one may take their place.

A login's own identify waits for the one that the view is about to make with traits, so
that a sign-up is one identify. It waits no longer than to the request's next message,
before which it goes, or to the start of the response: the order is that of the calls.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from segment_integrations.core.message import Call, Message


class Held:
    """
    One message that waits.

    Args:
        call: Which call made it.
        message: The message, finished.
        traits: The traits that it was given.
        send: Hands it on.
        lose: Called instead where its transaction was rolled back.
    """

    __slots__ = ("_lose", "_send", "call", "is_deferred", "is_settled", "message",
                 "traits")  # fmt: skip

    def __init__(
        self,
        call: Call,
        message: Message,
        traits: Mapping[str, Any],
        send: Callable[[], object],
        lose: Callable[[], object],
    ) -> None:
        self.call = call
        self.message = message
        self.traits = traits
        self._send = send
        self._lose = lose
        self.is_deferred = False
        """True where the end of a transaction hands it on, in its turn."""
        self.is_settled = False

    def again(self) -> Held:
        """The same message, to wait behind another one."""
        return Held(self.call, self.message, self.traits, self._send, self._lose)

    def send(self) -> None:
        """Hand it on, once, unless another one took its place."""
        if not self.is_settled:
            self.is_settled = True
            self._send()

    def lose(self) -> None:
        """Its transaction was rolled back."""
        if not self.is_settled:
            self.is_settled = True
            self._lose()

    def says_the_same(self, message: Mapping[str, Any]) -> bool:
        """Whether it joins the same user and visitor as the identify *message*."""
        return self.call == "identify" and all(
            self.message.get(name) == message.get(name)
            for name in ("userId", "anonymousId")
        )


class Waiting:
    """The messages of one request that wait, in the order of their calls."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: deque[Held] = deque()

    def __bool__(self) -> bool:
        return bool(self._held)

    def add(self, held: Held) -> None:
        """Let *held* wait behind the others."""
        self._held.append(held)

    def release(self) -> None:
        """Hand on all that wait."""
        for held in self._taken():
            if not held.is_deferred:
                held.send()

    def message_id(self, message: Mapping[str, Any]) -> str | None:
        """The id of an identify that waits and says all that *message* does."""
        for held in tuple(self._held):
            if (
                not held.is_settled
                and held.says_the_same(message)
                and held.traits == message["traits"]
            ):
                return held.message["messageId"]
        return None

    def displaced_by(self, message: Mapping[str, Any]) -> list[Held]:
        """
        Take out all that wait, if an identify among them joins the ids of *message*.

        None of those is handed on any more. Otherwise all are, and none is returned.
        """
        if not any(held.says_the_same(message) for held in tuple(self._held)):
            self.release()
            return []
        taken = self._taken()
        for held in taken:
            held.is_settled = True
        return taken

    def retract(self, event: str, user_id: str) -> None:
        """Let the track calls of *event* that wait for *user_id* never be sent."""
        for held in tuple(self._held):
            message = held.message
            if (message.get("event"), message.get("userId")) == (event, user_id):
                held.is_settled = True

    def _taken(self) -> list[Held]:
        taken = []
        while self._held:
            try:
                taken.append(self._held.popleft())
            except IndexError:  # another thread of the request was faster
                break
        return taken
