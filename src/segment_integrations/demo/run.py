"""Run the shop and the collector side by side, and show what arrives."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import urllib3

from segment_integrations.demo.server import (
    DemoFailed,
    Framework,
    Server,
    free_port,
)
from segment_integrations.demo.visit import VisitFailed, visit
from segment_integrations.dev.server import DEFAULT_PORT, running

if TYPE_CHECKING:
    from types import FrameType

SHOP_PORT: Final = 8000
POLL_S: Final = 0.2
ARRIVAL_S: Final = 5.0

Show = Callable[[dict[str, Any]], None]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was asked for; a port of None is the usual one or any."""

    framework: Framework = "fastapi"
    once: bool = False
    port: int | None = None
    collector_port: int | None = None


class Arrivals:
    """The collector's messages, each once, in the order in which they came."""

    def __init__(self, collector: str) -> None:
        self._url = f"{collector}/api/messages"
        self._cursor = "0"
        self._pool = urllib3.PoolManager(retries=False, timeout=5)

    def new(self) -> list[dict[str, Any]]:
        """What came since the last call."""
        fields = {"after": self._cursor, "order": "asc", "limit": "1000"}
        answer = self._pool.request("GET", self._url, fields=fields)
        messages: list[dict[str, Any]] = json.loads(answer.data)
        self._cursor = answer.headers.get("X-Cursor", self._cursor)
        return messages

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()


def run(options: Options, *, show: Show, say: Say) -> None:
    """
    Run the demo, until it is interrupted or, with `once`, until one visit is over.

    Args:
        options: What to run.
        show: Called with each message, in order of arrival.
        say: Called with the lines for a person.

    Raises:
        PortTaken: A port that was asked for can't be had.
        DemoFailed: It could not be run, or the visit did not go as it should.
        KeyboardInterrupt: Ctrl-C or SIGTERM came; everything has been ended.
    """
    with ExitStack() as stack:
        stack.enter_context(interruptible())
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="segment-demo-"))
        )
        shop_port = free_port(options.port, SHOP_PORT, "--port")
        collector_port = free_port(
            options.collector_port, DEFAULT_PORT, "--collector-port"
        )
        collector = stack.enter_context(running(port=collector_port))
        arrivals = Arrivals(collector.url)
        stack.callback(arrivals.close)
        server = stack.enter_context(
            Server(
                options.framework,
                port=shop_port,
                collector=collector.url,
                folder=folder,
            )
        )
        server.wait_ready()
        say(f"Shop:      {server.url} ({options.framework})")
        say(f"Collector: {collector.url}")
        if options.once:
            _visit_once(server, arrivals, show)
        else:
            say("Visit the shop and watch; Ctrl-C ends it.")
            _watch(server, arrivals, show)


def _watch(server: Server, arrivals: Arrivals, show: Show) -> None:
    while True:
        for message in arrivals.new():
            show(message)
        server.check()
        time.sleep(POLL_S)


def _visit_once(server: Server, arrivals: Arrivals, show: Show) -> None:
    """Visit, end the server as a deployment would, and show what it has sent."""
    try:
        steps = visit(server.url)
    except VisitFailed as error:
        raise DemoFailed(f"the visit failed: {error}", log=server.log()) from error
    server.stop()
    seen = sum(step.is_page for step in steps)
    came = 0
    until = time.monotonic() + ARRIVAL_S
    while True:
        for message in arrivals.new():
            came += message["type"] == "page"
            show(message)
        if came >= seen or time.monotonic() > until:
            break
        time.sleep(POLL_S)
    if came != seen:
        text = f"{seen} pages were visited and {came} page calls arrived"
        raise DemoFailed(text, log=server.log())


@contextmanager
def interruptible() -> Iterator[None]:
    """
    Let SIGTERM end the block as Ctrl-C does.

    A second signal is ignored: what was started is being ended, within bounds.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's business
        return
    names = ["SIGINT", "SIGTERM"] + ["SIGHUP"] * (sys.platform != "win32")
    signals = [signal.Signals[name] for name in names]

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
