"""The six calls, with the arguments and the checks of segment-analytics-python."""

# ruff: noqa: PLR0917 - the arguments and their order are those of that package

from __future__ import annotations

import numbers
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


def common(
    context: Any, timestamp: Any, integrations: Any, message_id: Any
) -> dict[str, Any]:
    """What every call may have, checked."""
    context = context or {}
    integrations = integrations or {}
    require("integrations", integrations, dict)
    require("context", context, dict)
    if timestamp is not None:
        require("timestamp", timestamp, datetime)
    return {
        "context": context,
        "timestamp": timestamp,
        "integrations": integrations,
        "message_id": message_id,
    }


def viewed(category: Any, name: Any, properties: Any) -> dict[str, Any]:
    """The fields of a page or screen call, checked."""
    properties = properties or {}
    require("properties", properties, dict)
    if name:
        require("name", name, str)
    if category:
        require("category", category, str)
    return {"category": category, "name": name, "properties": properties}


class Calls(Theirs):  # type: ignore[misc]  # it ships no types
    """What is called; `_take` is what it comes to."""

    def _take(
        self,
        call: Call,
        own: dict[str, Any],
        ids: dict[str, Any],
        rest: dict[str, Any],
    ) -> Answer:
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
        properties = properties or {}
        require("properties", properties, dict)
        require("event", event, str)
        own = {"event": event, "properties": properties}
        ids = {"user_id": user_id, "anonymous_id": anonymous_id}
        return self._take(
            "track", own, ids, common(context, timestamp, integrations, message_id)
        )

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
        traits = traits or {}
        require("traits", traits, dict)
        ids = {"user_id": user_id, "anonymous_id": anonymous_id}
        return self._take(
            "identify",
            {"traits": traits},
            ids,
            common(context, timestamp, integrations, message_id),
        )

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
        return self._take(
            "alias",
            {"previousId": previous_id},
            {"user_id": user_id},
            common(context, timestamp, integrations, message_id),
        )

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
        traits = traits or {}
        require("group_id", group_id, ID_TYPES)
        require("traits", traits, dict)
        own = {"groupId": group_id, "traits": traits}
        ids = {"user_id": user_id, "anonymous_id": anonymous_id}
        return self._take(
            "group", own, ids, common(context, timestamp, integrations, message_id)
        )

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
        ids = {"user_id": user_id, "anonymous_id": anonymous_id}
        return self._take(
            "page",
            viewed(category, name, properties),
            ids,
            common(context, timestamp, integrations, message_id),
        )

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
        ids = {"user_id": user_id, "anonymous_id": anonymous_id}
        return self._take(
            "screen",
            viewed(category, name, properties),
            ids,
            common(context, timestamp, integrations, message_id),
        )
