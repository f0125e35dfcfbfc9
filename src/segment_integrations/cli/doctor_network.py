"""
What ``doctor`` finds out by asking: name, connection, certificate, clock.

Only the host of the settings is contacted, or the proxy before it, and each check ends
in its time. Nothing that a peer says is shown but its status and its certificate's
dates: it may repeat our secrets.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from segment_integrations.cli.doctor_settings import Finding
from segment_integrations.cli.words import DAY_S, age, bare_url
from segment_integrations.delivery.connection import Deadline, tls_context
from segment_integrations.delivery.echo import quiet
from segment_integrations.delivery.pool import (
    make_pool,
    proxy_of_environment,
    target_of,
)
from segment_integrations.delivery.transport import REFUSED_BY_PROXY
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segment_integrations.core.settings import Settings

CLOCK_MAX_S: Final = 60.0
"""Source: ours. Segment corrects any difference by `sentAt`; people compare logs."""

EXPIRES_S: Final = 14 * DAY_S
"""A certificate that ends sooner is told. Source: ours."""

PORTS: Final = {"http": 80, "https": 443}

PROXY_REFUSES: Final = 407

TRUST: Final = (
    "behind a proxy that opens TLS, or with an authority of your own, set"
    " SEGMENT_CA_BUNDLE to its certificate; else check the host's name"
)


class Peer(NamedTuple):
    """The machine that a connection is made to: the host, or the proxy before it."""

    name: str
    port: int
    is_proxy: bool


def check(settings: Settings, timeout: float) -> Iterator[Finding]:
    """
    Ask the host. A check that fails is the last one.

    Args:
        settings: Where to, through which proxy, trusting whom.
        timeout: Seconds for each check.
    """
    try:
        proxy = settings.proxy or proxy_of_environment(settings.host)
    except ConfigurationError as error:
        yield Finding("proxy", "failed", str(error), "mend HTTPS_PROXY or HTTP_PROXY")
        return
    yield _proxy(settings, proxy)
    parts = urlsplit(proxy or settings.host)
    peer = Peer(
        parts.hostname or "", parts.port or PORTS[parts.scheme], proxy is not None
    )
    whose = "the proxy" if peer.is_proxy else "the host"
    try:
        addresses = _look_up(peer, timeout)
    except OSError as error:
        yield Finding(
            "DNS",
            "failed",
            f"{whose}'s name {peer.name} has no address ({_named(error)})",
            "check the name, and this machine's resolver",
        )
        return
    yield Finding("DNS", "ok", f"{peer.name} is {', '.join(_numbers(addresses))}")
    try:
        connected, took = _connect(addresses, timeout)
    except OSError as error:
        yield Finding(
            "TCP",
            "failed",
            f"no connection to {whose}, port {peer.port} ({_named(error)})",
            "check the port and the firewall; behind a proxy set SEGMENT_PROXY",
        )
        return
    yield Finding("TCP", "ok", f"port {peer.port} answers in {took * 1000:.0f} ms")
    with connected:
        if not peer.is_proxy and parts.scheme == "https":
            finding = _tls(connected, peer, settings, timeout)
            yield finding
            if finding.state == "failed":
                return
    yield from _http(settings, proxy, timeout)


def _proxy(settings: Settings, proxy: str | None) -> Finding:
    if proxy is None:
        return Finding("proxy", "ok", "none")
    origin = "SEGMENT_PROXY" if settings.proxy else "HTTPS_PROXY or the like"
    return Finding("proxy", "ok", f"{bare_url(proxy)}, from {origin}")


def _look_up(peer: Peer, timeout: float) -> list[Any]:
    """The addresses of *peer*; the system's look-up knows no timeout."""
    answers: queue.SimpleQueue[list[Any] | OSError] = queue.SimpleQueue()

    def look() -> None:
        try:
            answers.put(socket.getaddrinfo(peer.name, peer.port, 0, socket.SOCK_STREAM))
        except OSError as error:
            answers.put(error)
        except UnicodeError:  # a label that is empty or over 63 characters
            answers.put(socket.gaierror(socket.EAI_NONAME, "not a host name"))

    threading.Thread(target=look, daemon=True).start()
    try:
        found = answers.get(timeout=timeout)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, OSError):
        raise found
    return found


def _numbers(addresses: list[Any]) -> list[str]:
    return list(dict.fromkeys(str(address[4][0]) for address in addresses))


def _connect(addresses: list[Any], timeout: float) -> tuple[socket.socket, float]:
    """Connect to the first address that answers; the socket, and the seconds."""
    ends = time.monotonic() + timeout
    fault: OSError = TimeoutError()
    for family, kind, protocol, _, target in addresses:
        began = time.monotonic()
        if began >= ends:
            break
        opened = socket.socket(family, kind, protocol)
        opened.settimeout(ends - began)
        try:
            opened.connect(target)
        except OSError as error:
            opened.close()
            fault = error
        else:
            return opened, time.monotonic() - began
    raise fault


def _tls(
    connected: socket.socket, peer: Peer, settings: Settings, timeout: float
) -> Finding:
    trusted = settings.ca_bundle or "the system's certificates"
    deadline = Deadline()
    deadline.start(timeout)
    try:
        context = tls_context(settings.ca_bundle, deadline)
    except OSError as error:
        return Finding(
            "TLS",
            "failed",
            f"{trusted} is no file of certificates ({_named(error)})",
            "SEGMENT_CA_BUNDLE must name a PEM file",
        )
    try:
        with context.wrap_socket(connected, server_hostname=peer.name) as secure:
            certificate = secure.getpeercert() or {}
            spoken = secure.version()
    except ssl.SSLCertVerificationError as error:
        return Finding(
            "TLS",
            "failed",
            f"the certificate is not trusted: {error.verify_message}",
            TRUST,
        )
    except OSError as error:
        return Finding(
            "TLS",
            "failed",
            f"no TLS on this port ({_named(error)})",
            "check scheme and port of the host",
        )
    left = ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()
    return Finding(
        "TLS",
        "ok" if left > EXPIRES_S else "warning",
        f"{spoken}, certificate trusted by {trusted}, it ends in {age(left)}",
    )


def _http(settings: Settings, proxy: str | None, timeout: float) -> Iterator[Finding]:
    """Ask for the host's front page, without a key, for the time that it has."""
    url = f"{settings.host.rstrip('/')}/"
    deadline = Deadline()
    deadline.start(timeout)
    began = time.time()
    try:
        pool = make_pool(url, proxy, settings.ca_bundle, deadline, lambda: None)
        with quiet():
            answer = pool.urlopen(
                "HEAD",
                target_of(url, proxy),
                timeout=urllib3.Timeout(connect=timeout, read=timeout),
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
        date = answer.headers.get("Date")
        answer.close()
        pool.close()
    except (HTTPError, HTTPException, OSError) as error:
        reason = _innermost(error)
        if isinstance(reason, ssl.SSLError):  # behind a proxy, else it was found before
            yield Finding("TLS", "failed", f"no trust ({_named(reason)})", TRUST)
            return
        refused = REFUSED_BY_PROXY.match(str(reason))
        yield Finding(
            "HTTP",
            "failed",
            f"the proxy refused with {refused[1]}"
            if refused
            else f"no answer ({_named(reason)})",
            "check the proxy's user, password and rules" if proxy else "",
        )
        return
    if answer.status == PROXY_REFUSES:
        yield Finding(
            "HTTP",
            "failed",
            "the proxy refused with 407",
            "check the proxy's user and password",
        )
        return
    yield Finding("HTTP", "ok", f"answers (with {answer.status} to a bare HEAD /)")
    yield _clock(date, (began + time.time()) / 2)


def _clock(date: str | None, now: float) -> Finding:
    try:
        told = parsedate_to_datetime(date or "")
        told = told.replace(tzinfo=UTC) if told.tzinfo is None else told
    except ValueError:
        return Finding("clock", "ok", "not compared: the answer has no date")
    ahead = now - told.timestamp()
    which = "ahead of" if ahead > 0 else "behind"
    if abs(ahead) > CLOCK_MAX_S:
        return Finding(
            "clock",
            "warning",
            f"{age(abs(ahead))} {which} the host's",
            "synchronise it (NTP); Segment corrects the events' times by sentAt",
        )
    return Finding("clock", "ok", "agrees with the host's")


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


def _named(error: BaseException) -> str:
    """What *error* is, without a word of the peer's."""
    if isinstance(error, ssl.SSLError):
        detail = getattr(error, "verify_message", None) or error.reason
        return f"{type(error).__name__}, {detail}" if detail else type(error).__name__
    return type(error).__name__
