"""The asserts of captured events. What makes their texts is imported when one fails."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segment_integrations.core.message import Call

Message = dict[str, Any]
"""A decoded message, as it would go over the wire."""


class Asserts(ABC):
    """
    Asserts about messages, to be mixed into what holds them.

    The asserts compare with what would go over the wire. Mappings match when the
    message has all that they have, at every level. In all of them:

    - an argument left out (``...``) is not looked at; inside a mapping ``...`` stands
      for any value that is there;
    - None stands for "absent", inside a mapping also for null;
    - a value may be anything that compares: `mock.ANY`, `pytest.approx`; a UUID,
      datetime, Decimal or number given as an id equals its form on the wire.
    """

    @property
    @abstractmethod
    def messages(self) -> list[Message]:
        """The messages."""
        ...

    @abstractmethod
    def _reasons(self, call: Call, *, is_empty: bool) -> list[str]:
        """Lines on why more did not arrive."""
        ...

    def assert_tracked(
        self,
        event: object,
        *,
        count: int | None = None,
        user_id: object = ...,
        anonymous_id: object = ...,
        properties: object = ...,
        context: object = ...,
    ) -> Message:
        """
        Assert that *event* was tracked, and return the first such message.

        Args:
            event: The event's name.
            count: How often exactly; by default at least once.
            user_id: The message's `userId`.
            anonymous_id: The message's `anonymousId`.
            properties: Some of its properties.
            context: Some of its context.

        Raises:
            AssertionError: Says what did arrive, and how the nearest message differs.
        """
        __tracebackhide__ = True
        return self._find(
            "track",
            {
                "event": event,
                "user_id": user_id,
                "anonymous_id": anonymous_id,
                "properties": properties,
                "context": context,
            },
            count,
        )

    def assert_not_tracked(
        self,
        event: object,
        *,
        user_id: object = ...,
        anonymous_id: object = ...,
        properties: object = ...,
        context: object = ...,
    ) -> None:
        """
        Assert that no such *event* was tracked.

        Args:
            event: The event's name; ``...`` for any.
            user_id: As in `assert_tracked`.
            anonymous_id: The same.
            properties: The same.
            context: The same.

        Raises:
            AssertionError: Says which did arrive.
        """
        __tracebackhide__ = True
        self._find(
            "track",
            {
                "event": event,
                "user_id": user_id,
                "anonymous_id": anonymous_id,
                "properties": properties,
                "context": context,
            },
            0,
        )

    def assert_identified(
        self,
        user_id: object = ...,
        *,
        count: int | None = None,
        anonymous_id: object = ...,
        traits: object = ...,
        context: object = ...,
    ) -> Message:
        """
        Assert that the user was identified, and return the first such message.

        Args:
            user_id: The message's `userId`.
            count: How often exactly; by default at least once.
            anonymous_id: The message's `anonymousId`.
            traits: Some of its traits.
            context: Some of its context.

        Raises:
            AssertionError: As in `assert_tracked`.
        """
        __tracebackhide__ = True
        return self._find(
            "identify",
            {
                "user_id": user_id,
                "anonymous_id": anonymous_id,
                "traits": traits,
                "context": context,
            },
            count,
        )

    def assert_page(
        self,
        name: object = None,
        *,
        count: int | None = None,
        path: object = ...,
        category: object = ...,
        user_id: object = ...,
        anonymous_id: object = ...,
        properties: object = ...,
        context: object = ...,
    ) -> Message:
        """
        Assert that a page was viewed, and return the first such message.

        Requests of a test client make page calls with `BROWSER_HEADERS` only.

        Args:
            name: The page's name; None, or left out, for any.
            count: How often exactly; by default at least once.
            path: The page's path, ``"/products/shoe"``.
            category: The page's category.
            user_id: The message's `userId`.
            anonymous_id: The message's `anonymousId`.
            properties: Some of its properties.
            context: Some of its context.

        Raises:
            AssertionError: As in `assert_tracked`.
        """
        __tracebackhide__ = True
        return self._find(
            "page",
            {
                "name": ... if name is None else name,
                "path": path,
                "category": category,
                "user_id": user_id,
                "anonymous_id": anonymous_id,
                "properties": properties,
                "context": context,
            },
            count,
        )

    def assert_grouped(
        self,
        group_id: object = ...,
        *,
        count: int | None = None,
        user_id: object = ...,
        anonymous_id: object = ...,
        traits: object = ...,
        context: object = ...,
    ) -> Message:
        """
        Assert that the user was put into a group, and return the first such message.

        Args:
            group_id: The message's `groupId`.
            count: How often exactly; by default at least once.
            user_id: The message's `userId`.
            anonymous_id: The message's `anonymousId`.
            traits: Some of the group's traits.
            context: Some of its context.

        Raises:
            AssertionError: As in `assert_tracked`.
        """
        __tracebackhide__ = True
        return self._find(
            "group",
            {
                "group_id": group_id,
                "user_id": user_id,
                "anonymous_id": anonymous_id,
                "traits": traits,
                "context": context,
            },
            count,
        )

    def _find(
        self, call: Call, wanted: dict[str, object], count: int | None
    ) -> Message:
        """The first message as *wanted*; with a *count* of 0, an empty one."""
        __tracebackhide__ = True
        from segment_integrations.testing.matching import Expectation

        expectation = Expectation(call, wanted)
        messages = self.messages
        found = [message for message in messages if expectation.fits(message)]
        if len(found) != count and (count is not None or not found):
            from segment_integrations.testing.texts import failure

            lines = failure(expectation, messages, found, count)
            if len(found) < (count or 1):
                lines += self._reasons(call, is_empty=not messages)
            raise AssertionError("\n".join(lines))
        return found[0] if found else {}
