"""`Client`: segment-analytics-python's client, with our engine below it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from segment.analytics.utils import guess_timezone
from segment.analytics.version import VERSION

from segment_integrations.analytics_python.answer import plain
from segment_integrations.analytics_python.calls import (
    ID_TYPES,
    Answer,
    Calls,
    Rest,
    require,
)
from segment_integrations.analytics_python.options import (
    DEFAULTS,
    OPTION_NAMES,
    make_analytics,
)
from segment_integrations.analytics_python.queue import Queue
from segment_integrations.core import events
from segment_integrations.core.current import current
from segment_integrations.core.tap import SEAT
from segment_integrations.errors import InvalidEvent

if TYPE_CHECKING:
    from segment_integrations.client import Analytics
    from segment_integrations.core.message import Call

LIBRARY: Final = {"name": "analytics-python", "version": VERSION}

WAIT_S: Final = 15.0
"""How long `flush` and `join` wait at most. Source: their default `timeout`."""

logger = logging.getLogger("segment_integrations")


class Client(Calls):
    """
    Takes what `segment.analytics.Client` takes, and starts no thread of its kind.

    Calls have the same arguments, raise the same `AssertionError` for wrong ones, and
    return the same ``(success, message)``. False means that the message was not
    accepted: ``client.analytics.stats().dropped`` says why. Inside a request, ids that
    a call does not give are the request's, and its address, page and campaign are sent
    too; events wait for the transaction; a test's `segment_events` sees them.

    What each option means here is told in docs/analytics-python.md.

    Args:
        args: The options of `segment.analytics.Client`, in their order.
        options: The same by name; and settings of `Analytics`, ``spool="overflow"``.

    Raises:
        AssertionError: There is no write key.
        ValueError: A duration is None or negative.
        ConfigurationError: An option or setting has no meaning here, or is wrong.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        given = dict(zip(OPTION_NAMES, args, strict=False))
        if len(args) > len(OPTION_NAMES) or given.keys() & options.keys():
            raise TypeError("Client got too many options, or one of them twice")
        given |= {name: options[name] for name in options if name in OPTION_NAMES}
        own = {name: options[name] for name in options if name not in given}
        given = {name: getattr(DEFAULTS, name) for name in OPTION_NAMES} | given
        require("write_key", given["write_key"], str)
        is_sync = given["sync_mode"]
        # In its sync mode their client starts nothing. It refuses wrong durations.
        super().__init__(**given | {"sync_mode": True, "oauth_client_id": None})
        self.sync_mode = is_sync
        self.consumers: list[Any] | None = None if is_sync else []
        self._own: Analytics | None = make_analytics(given, own)
        self.queue = Queue(lambda: self.analytics, given["max_queue_size"])
        handler = given["log_handler"]
        if handler and handler not in logger.handlers:
            logger.addHandler(handler)

    @property
    def analytics(self) -> Analytics | None:
        """The engine below."""
        return self._own

    def _take(self, call: Call, own: dict[str, Any], rest: Rest) -> Answer:
        user, anonymous = _identity(call, rest.user_id, rest.anonymous_id)
        timestamp = guess_timezone(rest.timestamp or datetime.now(UTC))
        message_id = rest.message_id
        options = {
            "user_id": user,
            "anonymous_id": anonymous,
            "context": {
                key: value for key, value in rest.context.items() if key != "library"
            },
            "integrations": rest.integrations,
            "timestamp": timestamp,
            "message_id": events.new_message_id()
            if message_id is None
            else str(message_id),
        }
        is_accepted = self._hand_on(call, own, options)
        now = current()
        if now is not None and user is None and anonymous is None:
            anonymous = now.anonymous_id  # it may have got one by this
        return is_accepted, plain(
            {
                "type": call,
                **own,
                "userId": user,
                "anonymousId": anonymous,
                "timestamp": timestamp.isoformat(timespec="milliseconds"),
                "messageId": options["message_id"],
                "integrations": rest.integrations,
                "context": {**rest.context, "library": LIBRARY},
            }
        )

    def _hand_on(self, call: Call, own: dict[str, Any], options: Any) -> bool:
        """Give the engine one message; whether it was accepted."""
        analytics = self.analytics
        if self._is_muted():
            return True  # theirs says so too
        if analytics is None:
            return False
        if not analytics.settings.enabled:
            return True
        self.log.debug("queueing: %s %s", call, options["message_id"])
        if self.queue.full():
            analytics.drops.add("queue_full", detail="max_queue_size messages wait")
            return False
        try:
            own = _checked(own)
        except InvalidEvent as error:
            return analytics.refuse(error) is not None
        sent = analytics._emit(call, own, options)  # noqa: SLF001 - our own
        if sent is None or not self.sync_mode:
            return sent is not None
        return analytics.flush(self.timeout or WAIT_S)

    def _is_muted(self) -> bool:
        """Whether `send` is off; a test that looks at events sees them all the same."""
        return not self.send and not (SEAT.tap is not None and SEAT.tap.is_capturing)

    def flush(self) -> None:
        """Wait until what was sent before is delivered, at most `WAIT_S` seconds."""
        analytics = self.analytics
        if analytics is not None and not analytics.flush(WAIT_S):
            logger.warning("flush: not everything was delivered")

    def join(self) -> None:
        """Deliver what is left and stop; calls after it return False."""
        if self._own is not None:
            left = self._own.close(WAIT_S)
            if left:
                logger.warning("join: %d message(s) were not delivered", left)

    def shutdown(self) -> None:
        """As `join`, which delivers first."""
        self.join()


def _identity(
    call: Call, user_id: Any, anonymous_id: Any
) -> tuple[str | None, str | None]:
    """
    Who a message is about: the call's own ids, else those of the request.

    Raises:
        AssertionError: None is given, and this is no request; or it is of a wrong type.
    """
    now = current()
    if now is None or user_id or anonymous_id:
        require("user_id or anonymous_id", user_id or anonymous_id, ID_TYPES)
    user = None if user_id is None else str(user_id) or None
    anonymous = None if anonymous_id is None else str(anonymous_id) or None
    if now is None or call == "alias":
        return user, anonymous
    known = now.user_id
    if anonymous is None and (user is None or known is None or user == known):
        anonymous = now.anonymous_id
    return user or known, anonymous


def _checked(own: dict[str, Any]) -> dict[str, Any]:
    """
    The call's own fields, as the pipeline wants them.

    Raises:
        InvalidEvent: The event has no name.
    """
    fields = dict(own)
    for name in ("groupId", "previousId"):
        if name in fields:
            fields[name] = str(fields[name])
    for name in ("properties", "traits"):
        if name in fields:
            fields[name] = events.mapping(fields[name], name)
    for name in ("name", "category"):
        if name in fields:
            fields[name] = fields[name] or None
    if "event" in fields:
        events.name(fields["event"], "event")
    return fields
