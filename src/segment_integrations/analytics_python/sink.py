"""
`AnalyticsPythonSink`: delivers through a client that has analytics-python's methods.

For applications that keep such a client: segment-analytics-python, rudder-sdk-python, a
subclass or a fake of either. Nothing of them is imported here.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from segment_integrations.core.counters import Throttle
from segment_integrations.core.tap import SEAT
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from segment_integrations.core.message import Message

__all__ = ["AnalyticsPythonSink", "PythonClient"]

Method = Callable[..., object]


class PythonClient(Protocol):
    """The methods of analytics-python's client; all arguments go by keyword."""

    @property
    def track(self) -> Method:
        """Take a track call."""
        ...

    @property
    def identify(self) -> Method:
        """Take an identify call."""
        ...

    @property
    def group(self) -> Method:
        """Take a group call."""
        ...

    @property
    def page(self) -> Method:
        """Take a page call."""
        ...

    @property
    def screen(self) -> Method:
        """Take a screen call."""
        ...

    @property
    def alias(self) -> Method:
        """Take an alias call."""
        ...

    @property
    def flush(self) -> Method:
        """Wait, without a bound, until the queue is done with."""
        ...

    @property
    def join(self) -> Method:
        """Stop the threads, without a bound."""
        ...


COMMON: Final = {
    "userId": "user_id",
    "context": "context",
    "integrations": "integrations",
    "messageId": "message_id",
}
SUBJECT: Final = {**COMMON, "anonymousId": "anonymous_id"}
VIEW: Final = {
    **SUBJECT,
    "name": "name",
    "category": "category",
    "properties": "properties",
}
ARGUMENTS: Final = {
    "track": {**SUBJECT, "event": "event", "properties": "properties"},
    "identify": {**SUBJECT, "traits": "traits"},
    "group": {**SUBJECT, "groupId": "group_id", "traits": "traits"},
    "page": VIEW,
    "screen": VIEW,
    "alias": {**COMMON, "previousId": "previous_id"},
}
"""
The client's arguments for the fields of each call.

Source: ``Client`` of segment-analytics-python 2.4 and of rudder-sdk-python 2.1.
"""


class AnalyticsPythonSink:
    """
    Hands finished messages to *client*, which queues and delivers them itself.

    The message's own id, timestamp and `context.library` are kept. What the client
    refuses (an event over its own limit, a full queue) is refused here, counted in
    `refused` and logged without its data. Waiting is bounded by us; the client's own
    waiting is not.

    "Delivered" is as the client has it: it also calls a batch done that it gave up.
    Like the client it does not survive a fork: make both in the worker process.

    Args:
        client: An instance of a client, or a module with the same functions.
        timeout: Seconds that waiting takes at most where nothing else is said, and at
            the end of the process.

    Raises:
        ConfigurationError: *client* has not all the methods.
    """

    def __init__(self, client: PythonClient, *, timeout: float = 5.0) -> None:
        missing = [
            name
            for name in (*ARGUMENTS, "flush", "join")
            if not callable(getattr(client, name, None))
        ]
        if missing or isinstance(client, type):
            raise ConfigurationError(
                "client must be an instance of a client with analytics-python's"
                f" methods, got {'the class' if isinstance(client, type) else 'a'}"
                f" {getattr(client, '__name__', type(client).__name__)}"
                + (f" without {', '.join(missing)}" if missing else "")
            )
        self.client = client
        self.timeout = timeout
        self.refused = 0
        """How many messages the client has refused."""
        self._throttle = Throttle()
        self._waiting: threading.Thread | None = None
        self._is_closed = False
        self._pid = os.getpid()
        # After the client's own hook, so it runs before it: that one does not flush.
        atexit.register(self._at_exit)

    def put(self, body: bytes, message: Message) -> bool:
        """Hand one message to the client; False when it was refused. Never raises."""
        tap = SEAT.tap
        if tap is not None and not tap.lets_out():
            return True  # a test run: nothing leaves the process
        if self._is_closed:
            return False
        try:
            # Decoded anew: the client changes what it gets, and drops what is not JSON.
            fields: dict[str, Any] = msgspec.json.decode(body)
            call = message["type"]
            arguments = {
                argument: fields[field]
                for field, argument in ARGUMENTS[call].items()
                if field in fields
            }
            arguments["context"] = _Context(fields.get("context", {}))
            arguments["timestamp"] = datetime.fromisoformat(fields["timestamp"])
            answer = getattr(self.client, call)(**arguments)
        except Exception as error:  # noqa: BLE001 - AssertionError, RuntimeError, APIError
            return self._refuse(type(error).__name__)
        if isinstance(answer, tuple) and answer and answer[0] is False:
            return self._refuse("its queue is full")
        return True

    def _refuse(self, why: str) -> bool:
        self.refused += 1
        self._throttle.log(
            "refused",
            logging.WARNING,
            "a message was refused by %s: %s",
            type(self.client).__name__,
            why,
        )
        return False

    def flush(self, timeout: float | None = None) -> bool:
        """
        Wait until the client is done with what it has.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            False when the time was up first, or the client failed.
        """
        return self._within(self.client.flush, timeout)

    def close(self, timeout: float | None = None) -> int:
        """
        Wait as `flush`, then stop the client's threads.

        Past the deadline the client is let go: its threads end with the process, which
        no longer waits for them.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            How many messages the client had left, as far as it tells.
        """
        self._is_closed = True
        atexit.unregister(self._at_exit)

        def shut_down() -> None:
            self.client.flush()
            if (
                getattr(self.client, "consumers", ()) is not None
            ):  # None in its sync mode
                self.client.join()

        if self._within(shut_down, timeout):
            return 0
        atexit.unregister(self.client.join)
        return self._left()

    def _within(self, work: Method, timeout: float | None) -> bool:
        """Do *work* on a thread of its own; False if it fails or takes too long."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        before = self._waiting
        if before is not None:
            # One stuck thread is enough; it waits for what this one would wait for.
            before.join(max(0.0, deadline - time.monotonic()))
            if before.is_alive():
                return False
        succeeded = False

        def run() -> None:
            nonlocal succeeded
            with self._throttle.guard("the client's flush"):
                work()
                succeeded = True

        thread = threading.Thread(
            target=run, name="segment-integrations-flush", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # Python 3.12 starts no thread at its end
            return self._poll(deadline)
        self._waiting = thread
        thread.join(max(0.0, deadline - time.monotonic()))
        return succeeded

    def _poll(self, deadline: float) -> bool:
        while self._left() and time.monotonic() < deadline:
            time.sleep(0.01)
        return not self._left()

    def _left(self) -> int:
        queue = getattr(self.client, "queue", None)
        left = getattr(queue, "unfinished_tasks", 0)
        return left if isinstance(left, int) else 0

    def _at_exit(self) -> None:
        if os.getpid() != self._pid:
            return  # a forked child has no thread that could send what it inherited
        with contextlib.suppress(Exception):
            if not self.flush():
                atexit.unregister(self.client.join)  # it would wait without a bound

    def __repr__(self) -> str:
        """Name the client; no key."""
        return f"AnalyticsPythonSink({type(self.client).__name__})"


class _Context(dict[str, Any]):
    """A `context` whose `library` stays ours: the client writes its own name there."""

    def __setitem__(self, key: str, value: Any) -> None:
        if key != "library" or key not in self:
            super().__setitem__(key, value)
