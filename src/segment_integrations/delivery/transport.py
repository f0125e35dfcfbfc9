"""
Posts one batch to Segment's HTTP Tracking API over a connection that is kept.

It knows HTTP and nothing of queues or retries: what an answer means is `retry`'s
matter. Nothing that it raises, logs or shows has the write key or a message in it.
"""

from __future__ import annotations

import os
import re
import ssl
import zlib
from base64 import b64encode
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Final, Self

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from segment_integrations.core.ports import Answer
from segment_integrations.delivery.batch import envelope
from segment_integrations.delivery.connection import Deadline
from segment_integrations.delivery.echo import quiet
from segment_integrations.delivery.pool import (
    http_url,
    make_pool,
    proxy_of_environment,
    target_of,
)
from segment_integrations.errors import TransportError

if TYPE_CHECKING:
    from segment_integrations.core.ports import Batch
    from segment_integrations.core.settings import Settings

PATH: Final = "/v1/batch"
"""Source: Segment, HTTP Tracking API, "Batch"."""

CONNECT_TIMEOUT_S: Final = 3.0
"""
For each address of the host: a TCP handshake and one repetition of its first packet.
Source: RFC 6298, 2.
"""

GZIP_LEVEL: Final = 1
"""
2.6 us an event of 420 bytes for a sixth of its size; level 6 saves 3 % more at twice
the time. Source: measured, reference on delivery.
"""

GZIP_FORMAT: Final = 31
"""
The largest window, and gzip's header and trailer around it. Source: zlib's manual,
`deflateInit2`; measured as fast as `gzip.compress` and as a compressor object.
"""

ANSWER_BYTES: Final = 16_384
"""
What is read of an answer at most; over it the connection is closed.

Source: ours. Segment's answers have some 20 to 200 bytes.
"""

KEY_CHARS_SHOWN: Final = 4
"""Enough to tell two keys apart, too few to use one. Source: house rule."""

LOST: Final = (ssl.SSLEOFError, ssl.SSLSyscallError, ssl.SSLZeroReturnError)
"""What a connection that was lost is called under TLS. Source: Python, `ssl`."""

REFUSED_BY_PROXY: Final = re.compile(r"Tunnel connection failed: (\d{3})\b")
"""Source: http.client, `HTTPConnection._tunnel`; it has no type of its own."""


class HttpTransport:
    """
    The `Transport` that talks HTTP. Used by one thread at a time.

    Args:
        write_key: The source's credential.
        host: Scheme, host and, if need be, a path prefix.
        gzip: Whether bodies are compressed; RudderStack and Segment take both.
        proxy: Proxy URL, user and password included. None: the environment's
            (`HTTPS_PROXY`, `NO_PROXY` and their like, read once, here).
        ca_bundle: Path of the certificates to trust, in PEM format. None: the
            system's. Read with the first request, and again after a TLS fault.

    Raises:
        ConfigurationError: *host* or *proxy* is no http(s) URL.
    """

    def __init__(
        self,
        write_key: str,
        host: str,
        *,
        gzip: bool = True,
        proxy: str | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        import segment_integrations  # its version; at the top it would be circular

        self._write_key = write_key
        self._host = http_url(host, "host").rstrip("/")
        self._gzip = gzip
        self._proxy = http_url(proxy, "proxy") if proxy else proxy_of_environment(host)
        self._target = target_of(self._host + PATH, self._proxy)
        self._ca_bundle = ca_bundle
        self._headers = {
            "Authorization": "Basic " + b64encode(f"{write_key}:".encode()).decode(),
            "Content-Type": "application/json",
            "User-Agent": f"segment-integrations/{segment_integrations.__version__}",
        }
        if gzip:
            self._headers["Content-Encoding"] = "gzip"
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._pool_pid = 0
        self._connects = 0
        self._deadline = Deadline()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make one as *settings* has it."""
        return cls(
            settings.write_key or "",
            settings.host,
            gzip=settings.gzip,
            proxy=settings.proxy,
            ca_bundle=settings.ca_bundle,
        )

    def __repr__(self) -> str:
        key = self._write_key[:KEY_CHARS_SHOWN]
        return f"{type(self).__name__}(write_key='{key}…', host={self._host!r})"

    def send(self, batch: Batch) -> Answer:
        """
        Post *batch*, in *batch.timeout* seconds in all, whatever the peer does.

        Only the look-up of the host's name is not bounded by it. A connection that
        was kept and has died meanwhile is replaced once, at once and within the same
        time: that is no sign of trouble at the other end. No tracing tool sees the
        request.

        Raises:
            TransportError: No whole answer came, or it was a proxy that refused. Its
                `__cause__` is the fault itself: an `ssl.SSLError` only where trying
                again helps as little as with a wrong key (a certificate that is not
                trusted, expired or another host's; a peer that speaks no TLS), a
                `ConnectionError` where a TLS connection was lost.
        """
        self._deadline.start(batch.timeout)
        body = envelope(batch.bodies, self._write_key, datetime.now(UTC))
        if self._gzip:
            body = zlib.compress(body, GZIP_LEVEL, GZIP_FORMAT)
        headers = dict(self._headers)
        if batch.attempt:
            headers["X-Retry-Count"] = str(batch.attempt)
        try:
            with quiet():
                answer = self._posted(body, headers)
        except (HTTPError, OSError) as error:
            reason = _innermost(error)
            if isinstance(reason, ssl.SSLError):
                self.close()  # the certificates to trust may be mended by then
            raise TransportError(f"no answer: {_told(reason)}") from _cause(reason)
        if answer.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            raise TransportError("no answer: the proxy refused with 407")
        return answer

    def close(self) -> None:
        """Close the kept connection; a later `send` opens a new one."""
        pool, self._pool = self._pool, None
        if pool is not None and self._pool_pid == os.getpid():
            pool.close()

    def _posted(self, body: bytes, headers: dict[str, str]) -> Answer:
        before = self._connects
        try:
            return self._post(body, headers)
        except ProtocolError:
            if self._connects != before:  # a connection made for this request
                raise
        return self._post(body, headers)

    def _post(self, body: bytes, headers: dict[str, str]) -> Answer:
        pool = self._connected()
        left = self._deadline.left()
        response = pool.urlopen(
            "POST",
            self._target,
            body=body,
            headers=headers,
            # Their sum is no matter: each wait ends with the deadline as well.
            timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT_S, left), read=left),
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        told = {name.lower(): value for name, value in response.headers.items()}
        # urllib3 looks for its decoder all the same, and raises where there is none.
        response.headers.discard("Content-Encoding")
        answer = b""
        try:
            # To the end, for only there is an answer that was cut short found out.
            while len(answer) <= ANSWER_BYTES and (part := response.read(ANSWER_BYTES)):
                answer += part
                if response.length_remaining == 0:
                    break
        finally:
            # A body read to its end has given its connection back by now; any other
            # would leave bytes behind for the next request.
            response.close()
        if response.status < HTTPStatus.OK:  # 101: what follows is no HTTP any more
            self.close()
            raise ProtocolError("no final answer")
        return Answer(response.status, told, answer[:ANSWER_BYTES])

    def _connected(self) -> urllib3.HTTPConnectionPool:
        """The pool of this process: a socket shared with the parent would mix up."""
        if self._pool is None or self._pool_pid != os.getpid():
            self._pool = make_pool(
                self._host + PATH,
                self._proxy,
                self._ca_bundle,
                self._deadline,
                self._count,
            )
            self._pool_pid = os.getpid()
        return self._pool

    def _count(self) -> None:
        self._connects += 1


def _innermost(error: BaseException) -> BaseException:
    """The fault itself, below urllib3's wrappers."""
    while True:
        wrapped = error.__cause__ or next(
            (arg for arg in reversed(error.args) if isinstance(arg, BaseException)),
            None,
        )
        if wrapped is None:
            return error
        error = wrapped


def _told(reason: BaseException) -> str:
    """Say what *reason* is, without a word of the peer's: it may repeat our secrets."""
    name = type(reason).__name__
    if isinstance(reason, ssl.SSLError):
        detail = getattr(reason, "verify_message", None) or reason.reason
        return f"{name}, {detail}" if detail else name
    refused = REFUSED_BY_PROXY.match(str(reason))
    return f"the proxy refused with {refused[1]}" if refused else name


def _cause(reason: BaseException) -> BaseException:
    """What to raise from: *reason* without the peer's words, or what it stands for."""
    if isinstance(reason, LOST):
        return ConnectionResetError("the TLS connection was lost")
    if isinstance(reason, (HTTPException, HTTPError)) or (
        isinstance(reason, OSError) and reason.errno is None
    ):
        reason.args = ()
    return reason
