"""
Posts one batch to Segment's HTTP Tracking API over a connection that is kept.

It knows HTTP and nothing of queues or retries: what an answer means is `retry`'s
matter. Nothing that it raises, logs or shows has the write key or a message in it.
"""

from __future__ import annotations

import codecs
import gzip as gzip_format
import os
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from segment_integrations.core.ports import Answer
from segment_integrations.delivery.batch import envelope
from segment_integrations.errors import ConfigurationError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from segment_integrations.core.ports import Batch
    from segment_integrations.core.settings import Settings

# urllib3 encodes host names with it, and Python would import it on the worker: a fork
# in that moment leaves the child with an import lock that nobody holds any more.
codecs.lookup("idna")

PATH: Final = "/v1/batch"
"""Source: Segment, HTTP Tracking API, "Batch"."""

CONNECT_TIMEOUT_S: Final = 3.0
"""A TCP handshake and one repetition of its first packet. Source: RFC 6298, 2."""

GZIP_LEVEL: Final = 1
"""
2.6 us an event of 420 bytes for a sixth of its size; level 6 saves 3 % more at twice
the time. Source: measured, reference on delivery.
"""

ANSWER_BYTES: Final = 16_384
"""
What is read of an answer at most; over it the connection is closed.

Source: ours. Segment's answers have some 20 to 200 bytes.
"""

KEY_CHARS_SHOWN: Final = 4
"""Enough to tell two keys apart, too few to use one. Source: house rule."""


class HttpTransport:
    """
    The `Transport` that talks HTTP. Used by one thread at a time.

    Args:
        write_key: The source's credential.
        host: Scheme, host and, if need be, a path prefix.
        gzip: Whether bodies are compressed; RudderStack and Segment take both.
        proxy: Proxy URL, user and password included. None: the environment's
            (`HTTPS_PROXY`, `NO_PROXY` and their like, read once, here).
        ca_bundle: Path of the certificates to trust. None: the system's.

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
        self._host = _checked(host, "host").rstrip("/")
        self._gzip = gzip
        self._proxy = _checked(proxy, "proxy") if proxy else _from_environment(host)
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
        Post *batch*, at most *batch.timeout* seconds for each wait on the network.

        A connection that was kept and has died meanwhile is replaced once, at once:
        that is no sign of trouble at the other end.

        Raises:
            TransportError: No whole answer came.
        """
        body = envelope(batch.bodies, self._write_key, datetime.now(UTC))
        if self._gzip:
            body = gzip_format.compress(body, GZIP_LEVEL, mtime=0)
        headers = dict(self._headers)
        if batch.attempt:
            headers["X-Retry-Count"] = str(batch.attempt)
        try:
            before = self._connects
            try:
                return self._post(body, headers, batch.timeout)
            except ProtocolError:
                if self._connects != before:  # a connection made for this request
                    raise
            return self._post(body, headers, batch.timeout)
        except (HTTPError, OSError) as error:
            reason = _innermost(error)
            raise TransportError(f"no answer: {type(reason).__name__}") from reason

    def close(self) -> None:
        """Close the kept connection; a later `send` opens a new one."""
        pool, self._pool = self._pool, None
        if pool is not None and self._pool_pid == os.getpid():
            pool.close()

    def _post(self, body: bytes, headers: dict[str, str], timeout: float) -> Answer:
        response = self._connected().urlopen(
            "POST",
            self._target,
            body=body,
            headers=headers,
            timeout=urllib3.Timeout(
                connect=min(CONNECT_TIMEOUT_S, timeout), read=timeout, total=timeout
            ),
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        answer = b""
        try:
            # To the end, for only there is an answer that was cut short found out.
            while len(answer) <= ANSWER_BYTES and (part := response.read(ANSWER_BYTES)):
                answer += part
        finally:
            # A body read to its end has given its connection back by now; any other
            # would leave bytes behind for the next request.
            response.close()
        return Answer(
            response.status,
            {name.lower(): value for name, value in response.headers.items()},
            answer[:ANSWER_BYTES],
        )

    def _connected(self) -> urllib3.HTTPConnectionPool:
        """The pool of this process: a socket shared with the parent would mix up."""
        if self._pool is None or self._pool_pid != os.getpid():
            self._pool = self._make_pool()
            self._pool_pid = os.getpid()
        return self._pool

    def _make_pool(self) -> urllib3.HTTPConnectionPool:
        manager = _manager(self._proxy, self._ca_bundle)
        url = self._host + PATH
        # Over a plain HTTP proxy the request line has the whole URL.
        forwarded = self._proxy is not None and url.startswith("http://")
        self._target = url if forwarded else urlsplit(url).path
        pool = manager.connection_from_url(url)
        pool.ConnectionCls = _counting(pool.ConnectionCls, self._count)
        return pool

    def _count(self) -> None:
        self._connects += 1


def _manager(proxy: str | None, ca_bundle: str | None) -> urllib3.PoolManager:
    """A manager for one kept connection; without *ca_bundle* the system's trust."""
    if proxy is None:
        return urllib3.PoolManager(1, maxsize=1, retries=False, ca_certs=ca_bundle)
    parts = urlsplit(proxy)
    headers = None
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=login)
    return urllib3.ProxyManager(
        parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        1,
        proxy_headers=headers,
        maxsize=1,
        retries=False,
        ca_certs=ca_bundle,
    )


def _counting(
    base: type[Any],
    count: Callable[[], None],
) -> type[Any]:
    """
    Make *base* say when it opens a socket.

    A pool hands out the same connection object whether its socket is open, or was
    closed by the peer and will be opened again: only `connect` can tell.
    """

    class Counting(base):  # type: ignore[misc]  # made for each pool
        def connect(self) -> None:
            count()
            super().connect()

    return Counting


def _from_environment(host: str) -> str | None:
    """The proxy that the environment names for *host*, as curl and urllib read it."""
    parts = urlsplit(host)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return _checked(proxy if "://" in proxy else f"http://{proxy}", "proxy")


def _checked(url: str, setting: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            f"{setting} must be a URL that begins with http:// or https://",
            setting=setting,
        )
    return url


def _innermost(error: BaseException) -> BaseException:
    """The fault itself, below urllib3's wrappers; its type is all that is told."""
    while True:
        wrapped = error.__cause__ or next(
            (arg for arg in reversed(error.args) if isinstance(arg, BaseException)),
            None,
        )
        if wrapped is None:
            return error
        error = wrapped
