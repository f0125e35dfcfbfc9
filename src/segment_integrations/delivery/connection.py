"""
Connections on which an attempt ends in time, whatever the peer does.

A timeout of urllib3 and of a socket bounds each wait. A peer that hands out its
answer byte by byte, or takes a body as slowly, then holds the worker for as long as it
likes. Here every wait gets only what is left of the attempt's own time.

Looking up a name is the exception: the C library's `getaddrinfo` takes no timeout. It
gives up by itself after some 5 to 30 seconds (``man 5 resolv.conf``).

What is used beyond the documented interfaces, all of it in this file:

- urllib3 2.2 to 2.8, `HTTPConnection._new_conn` and `_dns_host`: the only place where
  the socket can be chosen and every address of a name be tried in the time left.
- gevent (seen in 26), `socket._wait`: its TLS sockets begin the timeout anew with each
  packet of a handshake or a record.
- the C module `_socket`, whose look-up no library replaces.
- http.client of Python 3.11 to 3.13, `HTTPResponse.fp` and `_read_status`: it takes an
  end of the stream for the end of the headers, and 102 and 103 for the answer.

Should a later version not call them any more, requests still work; the bound is then
again one for each wait.
"""

from __future__ import annotations

import _socket
import http.client
import socket
import ssl
import sys
import time
from email.errors import (
    FirstHeaderLineIsContinuationDefect,
    InvalidHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BROKEN_HEADERS: Final = (
    FirstHeaderLineIsContinuationDefect,
    InvalidHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
"""Lines that are no headers; http.client drops them and what follows in silence."""


class Deadline:
    """
    When the attempt under way must be over. Used by one thread at a time.

    It is made once and started for each attempt, because the connection that it bounds
    is kept.
    """

    def __init__(self) -> None:
        self._ends = 0.0

    def start(self, seconds: float) -> None:
        """Begin an attempt that may take *seconds*."""
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """
        Seconds that are left, more than 0.

        Raises:
            TimeoutError: None are.
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time of the attempt is up")
        return left


def timed(base: type[Any], deadline: Deadline, connecting: Callable[[], None]) -> Any:
    """
    Make the connection class *base* keep to *deadline*.

    Args:
        base: `urllib3.connection.HTTPConnection` or `HTTPSConnection`, or what an
            instrumentation put in its place.
        deadline: Started by the owner before each request.
        connecting: Called when a socket is about to be opened. A pool hands out the
            same object whether its socket is open, or was closed by the peer and
            will be opened again, so only `connect` can tell.

    Returns:
        A subclass of *base*, for a pool's `ConnectionCls`.
    """
    make_socket = _on_time(socket.socket, deadline)

    class Timed(base):  # type: ignore[misc]  # made for each pool
        debuglevel = 0  # set on http.client's class, it prints the credential
        response_class = Response

        def connect(self) -> None:
            connecting()
            super().connect()

        def _new_conn(self) -> socket.socket:
            connected = _connect(
                make_socket,
                (self._dns_host, self.port),
                lambda: min(self.timeout, deadline.left()),
                self.socket_options or (),
            )
            sys.audit("http.client.connect", self, self.host, self.port)
            return connected

    return Timed


def tls_context(ca_bundle: str | None, deadline: Deadline) -> ssl.SSLContext:
    """
    Make the context for TLS connections that keep to *deadline*.

    Args:
        ca_bundle: Path of a file of certificates in PEM format. None: the system's.
        deadline: Started by the owner before each request.

    Raises:
        OSError: *ca_bundle* cannot be read, or is no such file (`ssl.SSLError`).
    """
    context = ssl.create_default_context(cafile=ca_bundle)
    context.hostname_checks_common_name = False  # as urllib3: RFC 9525, 2
    context.sslsocket_class = _on_time(ssl.SSLSocket, deadline)
    return context


def _connect(
    make_socket: Any,
    address: tuple[str, int],
    seconds: Callable[[], float],
    options: Any,
) -> socket.socket:
    """
    Open a socket to the first of *address*'s hosts that answers.

    Args:
        make_socket: The class of the socket.
        address: Host, as a name or a number, and port.
        seconds: What one connection may take; asked anew for each.
        options: Arguments of `setsockopt`, each a tuple.

    Raises:
        OSError: No address took the connection; of several, the last one's fault.
    """
    host, port = address
    wanted = (host.strip("[]"), port, 0, socket.SOCK_STREAM)
    found: Any
    try:
        found = socket.getaddrinfo(*wanted)
    except UnicodeError:  # a label that is empty or over 63 characters
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from None
    except RuntimeError:  # gevent looks up on a thread, and an ending Python has none
        found = _socket.getaddrinfo(*wanted)
    fault: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for family, kind, protocol, _, target in found:
        limit = seconds()
        opened: socket.socket | None = None
        try:
            opened = make_socket(family, kind, protocol)
            for option in options:
                opened.setsockopt(*option)
            opened.settimeout(limit)
            opened.connect(target)
        except OSError as error:
            fault = error
            if opened is not None:
                opened.close()
        else:
            return opened
    try:
        raise fault
    finally:
        del fault  # its traceback holds this frame, and so itself


def _on_time(base: type[Any], deadline: Deadline) -> Any:
    """
    Make the socket class *base* wait no longer than to *deadline*.

    Each call of these methods is one call of C, which the socket's timeout bounds in
    all: `sendall` and a TLS handshake, read or write do not begin it anew with each
    packet. They are every place where a peer can make us wait.
    """

    class OnTime(base):  # type: ignore[misc]  # made for each pool
        def recv(self, *args: Any) -> Any:
            self.settimeout(deadline.left())
            return super().recv(*args)

        def recv_into(self, *args: Any) -> Any:
            self.settimeout(deadline.left())
            return super().recv_into(*args)

        def sendall(self, *args: Any) -> Any:
            self.settimeout(deadline.left())
            return super().sendall(*args)

        def do_handshake(self, *args: Any) -> Any:
            self.settimeout(deadline.left())
            return super().do_handshake(*args)

        def _wait(self, *args: Any, **options: Any) -> Any:  # gevent's
            self.settimeout(deadline.left())
            return super()._wait(*args, **options)

    return OnTime


class Response(http.client.HTTPResponse):
    """
    An answer that is whole, or a fault.

    http.client takes headers that were cut short for whole ones, drops what follows a
    line that is no header, and returns a 103 as the answer, so that the one behind it
    would be taken for the answer to the next request.
    """

    def begin(self, *args: Any, **options: Any) -> None:
        """
        Read the status line and the headers.

        Raises:
            http.client.HTTPException: They are not HTTP.
            ConnectionResetError: The stream ended within them.
        """
        stream = self.fp
        self.fp = _Lines(stream)  # type: ignore[assignment]
        try:
            super().begin(*args, **options)
        finally:
            if self.fp is not None:
                self.fp = stream
        found = self.msg.defects
        if found and any(isinstance(defect, BROKEN_HEADERS) for defect in found):
            raise http.client.HTTPException("broken headers")
        if self.will_close:  # so it is where http.client found no length
            lengths = ",".join(self.msg.get_all("Content-Length", ())).split(",")
            if len({length.strip() for length in lengths}) > 1:
                # urllib3 finds it out as well, and leaves this object open.
                raise http.client.HTTPException("broken Content-Length")

    def _read_status(self) -> tuple[str, int, str]:
        """Read a status line; an interim answer counts as one to be skipped."""
        version, status, reason = super()._read_status()  # type: ignore[misc]
        if 100 <= status < 200 and status != HTTPStatus.SWITCHING_PROTOCOLS:  # noqa: PLR2004 - 1xx
            status = HTTPStatus.CONTINUE
        return version, status, reason


class _Lines:
    """The lines of *stream*, whose end is a fault."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self._stream.readline(limit)
        if not line:
            raise http.client.RemoteDisconnected("the answer was cut short")
        return line

    def close(self) -> None:
        self._stream.close()
