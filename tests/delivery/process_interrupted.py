"""
A program that interrupts a call by a signal, at each of its points in turn.

Python runs a signal's handler where a function begins or one written in C has returned
(and at the end of a loop's turn). A profile function is called at just these points:
so all of them are visited, not only those that a timer happens to hit.
"""

import signal
import sys
import threading
from collections import Counter

from delivery_collector import Collector

from segment_integrations import Analytics

PATIENCE_S = 5.0
"""For a flush that has nothing to wait for but a collector that answers."""

TROUBLES = 3
"""Points with trouble that are enough to know: each may cost one's patience."""

BATCH = 5


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Interrupted(BaseException):
    """What a handler raises, as Ctrl-C and time limits do."""


def at_point(number, signal_number, call):
    """
    Run *call*, and raise the signal at its point *number*, from 1 on.

    Returns:
        The point's name; None where it has less points.
    """
    point = None
    seen = 0

    def look(frame, event, arg):
        nonlocal point, seen
        if event not in {"call", "c_return"}:
            return
        seen += 1
        if seen == number:
            sys.setprofile(None)
            where = f"{frame.f_globals['__name__']}:{frame.f_lineno}"
            point = f"{frame.f_code.co_name} ({where}, {event} {arg!r})"
            signal.raise_signal(signal_number)

    sys.setprofile(look)
    try:  # no `suppress`: its own calls would be points as well
        call()
    except Interrupted:
        pass
    finally:
        sys.setprofile(None)
    return point


class Scenario:
    """One call, in a client that has *before* messages in its first batch."""

    def __init__(self, collector, action, before):
        self.collector = collector
        self.client = Analytics(
            "key", host=collector.host, flush_interval=600.0, flush_at=BATCH
        )
        self.action = action
        self.reported = []
        self.troubles = []
        self.track("before", before)

    def flush(self):
        self.client.flush(PATIENCE_S)

    def track(self, event="interrupted", count=1):
        for _ in range(count):
            message_id = self.client.track(event, user_id="u")
            if message_id is not None:
                self.reported.append(message_id)

    def arrived(self):
        return Counter(
            message["messageId"]
            for request in self.collector.requests
            for message in request.document["batch"]
        )

    def expect(self, what, *, is_so):
        if not is_so:
            self.troubles.append(what)

    def expect_all(self, who):
        missing = set(self.reported) - set(self.arrived())
        self.expect(f"{who}: {len(missing)} missing", is_so=not missing)

    def handle(self, *_):
        if self.action.startswith("raise"):
            raise Interrupted
        if self.action != "flush":
            self.track("handler")
        if "flush" in self.action:
            is_sent = self.client.flush(PATIENCE_S)
            self.expect("the handler's flush is False", is_so=is_sent)
            if is_sent:
                self.expect_all("the handler's flush")
        if self.action == "track close":
            left = self.client.close(PATIENCE_S)
            self.expect(f"close left {left}", is_so=left == 0)
            self.expect_all("close")

    def interrupt(self, number):
        """Whether there is such a point; what went wrong there is in `troubles`."""
        signal.signal(signal.SIGUSR1, self.handle)
        call = self.flush if self.action == "raise in flush" else self.track
        point = at_point(number, signal.SIGUSR1, call)
        if point is not None:
            self.look()
        self.client.close(0)
        self.collector.requests.clear()
        return point

    def look(self):
        """Whether the client works on, and has lost nothing."""
        other = threading.Thread(target=self.track, args=("other",), daemon=True)
        other.start()
        other.join(30)
        self.expect("another thread hangs", is_so=not other.is_alive())
        if self.action != "track close":
            self.expect("flush is False", is_so=self.client.flush(PATIENCE_S))
        self.expect_all("in the end")
        doubled = [one for one, times in self.arrived().items() if times > 1]
        self.expect(f"{len(doubled)} arrived twice", is_so=not doubled)
        pending = self.client.stats().pending_events
        self.expect(f"{pending} pending", is_so=pending == 0)


def main(action, before):
    """Print what went wrong, a line for each point, and how many points there are."""
    with Collector() as collector:
        number = 1
        troubles = 0
        while troubles < TROUBLES:
            scenario = Scenario(collector, action, before)
            point = scenario.interrupt(number)
            if point is None:
                break
            if scenario.troubles:
                say(f"point {number}, {point}: {', '.join(scenario.troubles)}")
                troubles += 1
            number += 1
    say(f"{number - 1} points")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
