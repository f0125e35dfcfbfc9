"""The six calls, with the arguments and the checks of segment-analytics-python."""

# ruff: noqa: PLR0917 - the arguments and their order are those of that package

from __future__ import annotations

import numbers
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from segment.analytics import Client as Theirs

from segment_integrations.core.current import current
from segment_integrations.core.message import Call

Answer = tuple[bool, dict[str, Any]]
"""Whether the message was accepted, and the message."""

ID_TYPES: Final = (numbers.Number, str)
"""What their client takes for an id."""


def require(name: str, value: object, kind: type | tuple[type, ...]) -> None:
    """
    Check an argument as their client does; the text has no value of the caller's.

    Raises:
        AssertionError: *value* is of another type.
    """
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join(one.__name__ for one in kinds)
        raise AssertionError(f"{name} must have {names}, got: {type(value).__name__}")  # noqa: TRY004 - theirs


def mapping(name: str, value: Any) -> Any:
    """
    A mapping of the caller's; an empty one where there is none.

    Raises:
        AssertionError: *value* is something else.
    """
    value = value or {}
    require(name, value, dict)
    return value


@dataclass(slots=True)
class Rest:
    """
    What every call may have, checked.

    Raises:
        AssertionError: An argument is of another type; ids are looked at later.
    """

    user_id: Any
    anonymous_id: Any
    context: Any
    timestamp: Any
    integrations: Any
    message_id: Any

    def __post_init__(self) -> None:
        self.integrations = mapping("integrations", self.integrations)
        self.context = mapping("context", self.context)
        if self.timestamp is not None:
            require("timestamp", self.timestamp, datetime)


def viewed(category: Any, name: Any, properties: Any) -> dict[str, Any]:
    """The fields of a page or screen call, checked."""
    properties = mapping("properties", properties)
    if name:
        require("name", name, str)
    if category:
        require("category", category, str)
    return {"category": category, "name": name, "properties": properties}


class Calls(Theirs):  # type: ignore[misc]  # it ships no types
    """What is called; `_take` is what it comes to."""

    def _take(self, call: Call, own: dict[str, Any], rest: Rest) -> Answer:
        raise NotImplementedError

    def track(
        self,
        user_id: Any = None,
        event: Any = None,
        properties: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        integrations: Any = None,
        message_id: Any = None,
    ) -> Answer:
        """Take a track call."""
        own = {"event": event, "properties": mapping("properties", properties)}
        require("event", event, str)
        rest = Rest(user_id, anonymous_id, context, timestamp, integrations, message_id)
        return self._take("track", own, rest)

    def identify(
        self,
        user_id: Any = None,
        traits: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        integrations: Any = None,
        message_id: Any = None,
    ) -> Answer:
        """Take an identify call; whom the request is about stays as it is."""
        own = {"traits": mapping("traits", traits)}
        rest = Rest(user_id, anonymous_id, context, timestamp, integrations, message_id)
        return self._take("identify", own, rest)

    def alias(
        self,
        previous_id: Any = None,
        user_id: Any = None,
        context: Any = None,
        timestamp: Any = None,
        integrations: Any = None,
        message_id: Any = None,
    ) -> Answer:
        """Take an alias call."""
        now = current()
        if now is not None:
            previous_id = previous_id or now.anonymous_id
            user_id = user_id or now.user_id
        require("previous_id", previous_id, ID_TYPES)
        require("user_id", user_id, ID_TYPES)
        own = {"previousId": previous_id}
        rest = Rest(user_id, None, context, timestamp, integrations, message_id)
        return self._take("alias", own, rest)

    def group(
        self,
        user_id: Any = None,
        group_id: Any = None,
        traits: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        integrations: Any = None,
        message_id: Any = None,
    ) -> Answer:
        """Take a group call."""
        require("group_id", group_id, ID_TYPES)
        own = {"groupId": group_id, "traits": mapping("traits", traits)}
        rest = Rest(user_id, anonymous_id, context, timestamp, integrations, message_id)
        return self._take("group", own, rest)

    def page(
        self,
        user_id: Any = None,
        category: Any = None,
        name: Any = None,
        properties: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        integrations: Any = None,
        message_id: Any = None,
    ) -> Answer:
        """Take a page call; inside a request it replaces the automatic one."""
        own = viewed(category, name, properties)
        rest = Rest(user_id, anonymous_id, context, timestamp, integrations, message_id)
        return self._take("page", own, rest)

    def screen(
        self,
        user_id: Any = None,
        category: Any = None,
        name: Any = None,
        properties: Any = None,
        context: Any = None,
        timestamp: Any = None,
        anonymous_id: Any = None,
        integrations: Any = None,
        message_id: Any = None,
    ) -> Answer:
        """Take a screen call."""
        own = viewed(category, name, properties)
        rest = Rest(user_id, anonymous_id, context, timestamp, integrations, message_id)
        return self._take("screen", own, rest)
