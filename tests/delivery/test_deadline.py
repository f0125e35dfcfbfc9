"""An attempt ends in time, whatever the peer does with it (issue: it may trickle)."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trustme
from delivery_peers import (
    OK,
    ConnectProxy,
    Peer,
    Relay,
    batch,
    posted,
    read_request,
    server_tls,
    trickle,
)

from segment_integrations.core.ports import Batch
from segment_integrations.delivery.transport import HttpTransport
from segment_integrations.errors import TransportError

TIMEOUT_S = 0.4
BOUND_S = 6.0  # every peer here goes on for 12 s or until it is stopped
LARGE = Batch((b'"' + b"x" * 12_000_000 + b'"',), 0, TIMEOUT_S)


@pytest.fixture(scope="module")
def ca():
    return trustme.CA()


@pytest.fixture
def bundle(ca, tmp_path):
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


@pytest.fixture(autouse=True)
def _in_time():
    """Each of these tests ends long before its peer does."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < BOUND_S


def slowly(start, then=b"x"):
    def handle(sock, peer):
        read_request(sock)
        sock.sendall(start)
        trickle(sock, peer, then)

    return handle


@pytest.mark.parametrize(
    ("start", "then"),
    [
        (b"", OK),
        (b"HTTP/1.1 200 ", b"OK"),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", b";x"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
            b"x",
        ),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 40),
    ],
    ids=[
        "status",
        "reason",
        "headers",
        "body",
        "endless-body",
        "chunk",
        "chunk-size",
        "trailer",
        "interim",
    ],
)
def test_case_15_an_answer_that_trickles_is_given_up(start, then):
    """A byte now and then does not prolong the attempt, wherever in the answer."""
    with (
        Peer(slowly(start, then)) as peer,
        pytest.raises(TransportError, match="TimeoutError"),
    ):
        posted(peer, timeout=TIMEOUT_S)


def test_case_15_interim_answers_without_end_are_given_up():
    """A flood of 100s, each in time, ends with the attempt."""

    def flood(sock, peer):
        read_request(sock)
        for _ in range(6_000):
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            if peer.stop.wait(0.002):
                return

    with Peer(flood) as peer, pytest.raises(TransportError, match="TimeoutError"):
        posted(peer, timeout=TIMEOUT_S)


def test_case_15_a_kept_connection_is_bounded_too():
    """The second request over one connection has its own time, and no more."""

    def handle(sock, peer):
        read_request(sock)
        sock.sendall(OK)
        slowly(b"HTTP/1.1 200 OK\r\n", OK)(sock, peer)

    with Peer(handle) as peer:
        transport = HttpTransport("key", peer.host)
        try:
            assert 200 == transport.send(batch("a", timeout=60)).status
            with pytest.raises(TransportError, match="TimeoutError"):
                transport.send(batch("b", timeout=TIMEOUT_S))
        finally:
            transport.close()
        assert 1 == peer.connections


def test_case_15_a_peer_that_reads_slowly_is_given_up():
    """A body that is taken a few bytes at a time does not prolong the attempt."""

    def sip(sock, peer):
        for _ in range(600):
            sock.recv(256)
            if peer.stop.wait(0.02):
                return

    with Peer(sip, receive_bytes=4096) as peer:
        transport = HttpTransport("key", peer.host, gzip=False)
        try:
            with pytest.raises(TransportError, match="TimeoutError"):
                transport.send(LARGE)
        finally:
            transport.close()


@pytest.mark.parametrize("down", [True, False], ids=["answers", "requests"])
@pytest.mark.parametrize("slow", [True, False], ids=["handshake", "data"])
def test_case_15_tls_is_bounded_too(collector, ca, bundle, down, slow):
    """Handshake, records of an answer and those of a body: all in the one time."""
    target = collector(tls=server_tls(ca))
    with Relay(target.port, down=down, slow=slow, receive_bytes=65_536) as relay:
        transport = HttpTransport("key", relay.host, gzip=False, ca_bundle=bundle)
        try:
            if not slow:
                assert 200 == transport.send(batch("a")).status
                relay.slow.set()
            with pytest.raises(TransportError, match="TimeoutError"):
                transport.send(batch("b", timeout=TIMEOUT_S) if down else LARGE)
        finally:
            transport.close()


GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys
from delivery_peers import posted
from segment_integrations.errors import TransportError
try:
    print(posted(sys.argv[1], ca_bundle=sys.argv[2], timeout=float(sys.argv[3])))
except TransportError as error:
    print(error)
"""


@pytest.mark.parametrize("slow", [True, False], ids=["trickles", "does-not"])
def test_case_15_tls_is_bounded_under_gevent(collector, ca, bundle, slow):
    """Its sockets, which wait by other means, keep to the one time as well."""
    pytest.importorskip("gevent")
    target = collector(tls=server_tls(ca))
    with Relay(target.port, down=True, slow=slow) as relay:
        seconds = str(TIMEOUT_S if slow else 5)
        done = subprocess.run(
            [sys.executable, "-c", GEVENT, relay.host, bundle, seconds],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert ("TimeoutError" if slow else "status=200") in done.stdout


def test_case_15_a_handshake_that_hangs_is_given_up():
    """A peer that takes the connection and says nothing to a TLS client."""
    with Peer(lambda _sock, peer: peer.stop.wait(12)) as peer:
        host = peer.host.replace("http:", "https:")
        with pytest.raises(TransportError, match="TimeoutError"):
            posted(host, timeout=TIMEOUT_S)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 Connection established\r\nX-A: a", b"HTTP/1.1 200", b""],
    ids=["headers", "status", "nothing"],
)
def test_case_15_a_proxy_that_trickles_is_given_up(answer):
    """The answer to CONNECT is part of the attempt."""

    def reply(sock, peer):
        if answer:
            trickle(sock, peer, answer)
        peer.stop.wait(12)

    with (
        ConnectProxy(answer=reply) as proxy,
        pytest.raises(TransportError, match="TimeoutError"),
    ):
        posted("https://collector.invalid", proxy=proxy.host, timeout=TIMEOUT_S)


def test_case_15_tls_inside_tls_is_bounded_too(collector, ca, bundle):
    """Through a proxy that is spoken to over TLS: the inner handshake and answers."""
    target = collector(tls=server_tls(ca))
    inner = Relay(target.port, down=True, slow=False)
    ports = {"127.0.0.1": inner.port}
    with inner, ConnectProxy(ports, tls=server_tls(ca)) as proxy:
        transport = HttpTransport(
            "key", target.host, proxy=proxy.host, ca_bundle=bundle
        )
        try:
            assert 200 == transport.send(batch("a")).status
            inner.slow.set()
            for _ in range(2):  # over the kept connection, then over a new one
                with pytest.raises(TransportError, match="TimeoutError"):
                    transport.send(batch("b", timeout=TIMEOUT_S))
        finally:
            transport.close()


@pytest.mark.parametrize("seconds", [0, -1])
def test_case_15_an_attempt_without_time_is_given_up(collector, seconds):
    """Where a drain has used up its time, nothing is sent any more."""
    target = collector()
    with pytest.raises(TransportError, match="TimeoutError"):
        posted(target, timeout=seconds)
    assert 0 == target.connections


def test_case_15_a_name_with_many_dead_addresses_is_given_up(monkeypatch):
    """The addresses of one name share the attempt's time."""
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = full.getsockname()[1]
    fillers = [socket.socket() for _ in range(8)]
    for one in fillers:  # once its queue is full, a connection is not answered
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", port))
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [address] * 100)
    try:
        with pytest.raises(TransportError, match="TimeoutError"):
            posted("http://collector.invalid", timeout=TIMEOUT_S)
    finally:
        for one in (*fillers, full):
            one.close()


def test_an_address_that_refuses_gives_way_to_the_next(collector, monkeypatch):
    """A name is tried address by address, as everywhere."""
    target = collector()
    ports = [1, target.port]
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", p)) for p in ports
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    assert 200 == posted("http://collector.invalid").status


@pytest.mark.parametrize("host", ["http://no-such-host.invalid", "http://a..b"])
def test_a_host_that_is_not_found_is_a_fault(host):
    """A name without an address, or that is none, is no answer."""
    with pytest.raises(TransportError, match="gaierror"):
        posted(host)
