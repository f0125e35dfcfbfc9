"""
The collector as a server: in a thread for tests and demos, or in the foreground.

Both bind the port themselves, so that a taken port is told before anything starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
import uvicorn

from segment_integrations.dev.collector import create_app
from segment_integrations.dev.store import Store
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from starlette.types import ASGIApp

    from segment_integrations.dev.sending import OnMessages, OnRefused
    from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["DEFAULT_HOST", "DEFAULT_PORT", "Collector", "running", "serve"]

DEFAULT_HOST: Final = "127.0.0.1"
"""This machine only: what arrives is personal data."""

DEFAULT_PORT: Final = 8765
"""Where the documentation points apps."""

_PORT_MAX: Final = 65_535
_STOP_SECONDS: Final = 2
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Collector:
    """
    A collector that is running.

    Args:
        url: ``"http://127.0.0.1:8765"``: what a client takes as its host.
        store: What it has received.
    """

    url: str
    store: Store

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.store.path

    @property
    def duplicates(self) -> int:
        """How many messages came with a `messageId` that was there already."""
        return self.store.counts()[1]

    def messages(self) -> list[dict[str, Any]]:
        """All messages as they came, and their `receivedAt`; oldest first."""
        return [msgspec.json.decode(row.body) for row in self.store.read()]

    def clear(self) -> None:
        """Forget all messages."""
        self.store.clear()


@contextlib.contextmanager
def running(
    port: int = 0,
    database: str | os.PathLike[str] | None = None,
    *,
    host: str = DEFAULT_HOST,
    plan: TrackingPlan | None = None,
) -> Iterator[Collector]:
    """
    Run a collector in a daemon thread for as long as the context is open.

    Args:
        port: 0 takes a free one; see the collector's `url`.
        database: As `Store` takes it; None is a temporary file.
        host: The address to bind.
        plan: As `create_app` has it.

    Raises:
        ConfigurationError: The port or the database can't be used.
    """
    with (
        contextlib.closing(_bind(host, port)) as listener,
        Store(database) as store,
    ):
        started = threading.Event()
        server = _Server(create_app(store, host=host, plan=plan), started.set)

        def run() -> None:
            try:
                asyncio.run(server.serve(sockets=[listener]))
            finally:
                started.set()

        thread = threading.Thread(target=run, name="segment-collector", daemon=True)
        thread.start()
        started.wait()
        try:
            yield Collector(_url(host, listener), store)
        finally:
            server.should_exit = True
            thread.join()


def serve(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    database: str | os.PathLike[str] | None = None,
    *,
    on_ready: Callable[[Collector], None] | None = None,
    on_messages: OnMessages | None = None,
    on_refused: OnRefused | None = None,
    plan: TrackingPlan | None = None,
) -> None:
    """
    Run a collector in the foreground until SIGINT or SIGTERM, then return.

    Args:
        host: The address to bind.
        port: 0 takes a free one.
        database: As `Store` takes it; None is a temporary file.
        on_ready: Called once, when requests are answered.
        on_messages: As `create_app` has it.
        on_refused: As `create_app` has it.
        plan: The same.

    Raises:
        ConfigurationError: The port or the database can't be used.
    """
    with (
        contextlib.closing(_bind(host, port)) as listener,
        Store(database) as store,
    ):
        app = create_app(
            store,
            host=host,
            on_messages=on_messages,
            on_refused=on_refused,
            plan=plan,
        )
        collector = Collector(_url(host, listener), store)
        server = _Server(app, lambda: on_ready and on_ready(collector))
        asyncio.run(server.serve(sockets=[listener]))


class _Server(uvicorn.Server):
    """Uvicorn that tells when it is up, and for which a signal is no failure."""

    def __init__(self, app: ASGIApp, on_started: Callable[[], object]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=_STOP_SECONDS,
            )
        )
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal, without raising it again as Uvicorn does."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.force_exit = self.should_exit  # the second time
            self.should_exit = True

        before = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _bind(host: str, port: int) -> socket.socket:
    if not 0 <= port <= _PORT_MAX:
        raise ConfigurationError(f"port must be 0 to {_PORT_MAX}", setting="port")
    try:
        family, *_, address = socket.getaddrinfo(
            host or None, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server((str(address[0]), port), family=family)
    except OSError as err:
        if err.errno == errno.EADDRINUSE:
            reason = "it is in use; choose another port"
        else:
            reason = err.strerror or str(err)
        raise ConfigurationError(
            f"port {port} on {host} can't be bound: {reason}", setting="port"
        ) from err
    # asyncio turns Nagle's algorithm off where a socket says that it is TCP; with it
    # on, each answer waits 40 ms for the client's acknowledgement.
    return socket.socket(
        listener.family, listener.type, socket.IPPROTO_TCP, fileno=listener.detach()
    )


def _url(host: str, listener: socket.socket) -> str:
    """The address to open; a wildcard is reached at this machine's own."""
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    if ":" in name:
        name = f"[{name}]"
    return f"http://{name}:{listener.getsockname()[1]}"
