import base64
import os
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from delivery_bench import KEY
from delivery_collector import Collector
from delivery_peers import Peer, batch, posted, server_tls

import segment_integrations
from segment_integrations.delivery.transport import HttpTransport
from segment_integrations.errors import ConfigurationError, TransportError


@pytest.fixture(scope="module")
def ca():
    return trustme.CA()


@pytest.fixture
def bundle(ca, tmp_path):
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


@pytest.fixture
def connect():
    made = []

    def make(host, **options):
        made.append(HttpTransport(KEY, getattr(host, "host", host), **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("gzip", [True, False])
def test_a_request_is_as_segment_wants_it(collector, connect, gzip):
    """Path, both credentials, type, agent and body are those of the wire format."""
    target = collector()
    assert connect(target, gzip=gzip).send(batch("a", "b")).status == 200
    (request,) = target.requests
    login = base64.b64encode(f"{KEY}:".encode()).decode()
    version = segment_integrations.__version__
    assert "/v1/batch" == request.path
    assert f"Basic {login}" == request.headers["authorization"]
    assert "application/json" == request.headers["content-type"]
    assert f"segment-integrations/{version}" == request.headers["user-agent"]
    assert ("gzip" if gzip else None) == request.headers.get("content-encoding")
    assert "x-retry-count" not in request.headers
    assert ["a", "b"] == request.events
    assert KEY == request.document["writeKey"]
    assert request.document["sentAt"].endswith("Z")
    assert {"batch", "sentAt", "writeKey"} == set(request.document)


def test_a_retry_says_how_many_there_were(collector, connect):
    """`X-Retry-Count` has the number of attempts before this one."""
    target = collector()
    connect(target).send(batch("a", attempt=3))
    assert "3" == target.requests[0].headers["x-retry-count"]


def test_the_host_may_have_a_path(collector, connect):
    """A prefix, as first-party proxies have it, is kept."""
    target = collector()
    connect(target.host + "/segment/").send(batch("a"))
    assert "/segment/v1/batch" == target.requests[0].path


def test_case_10_an_answer_is_handed_on_whatever_it_is(collector, connect):
    """Status, headers in lower case and the body's beginning; no redirect followed."""
    target = collector((302, {"Location": "/elsewhere", "X-A": "b"}, b"x" * 20_000))
    answer = connect(target).send(batch("a"))
    assert (302, "/elsewhere", "b") == (
        answer.status,
        answer.headers["location"],
        answer.headers["x-a"],
    )
    assert b"x" * 16_384 == answer.body
    assert 1 == len(target.requests)


def test_one_connection_serves_many_batches(collector, connect):
    """The connection is kept, after answers without a body as well."""
    target = collector(200, 204, 400, 503)
    transport = connect(target)
    statuses = [transport.send(batch(str(n))).status for n in range(6)]
    assert [200, 204, 400, 503, 200, 200] == statuses
    assert 1 == target.connections


def test_a_connection_that_died_while_idle_is_replaced_at_once(collector, connect):
    """A kept connection that is reset by the next request costs no attempt."""
    target = collector(200, "reset", 200)
    transport = connect(target)
    assert [200, 200] == [transport.send(batch(name)).status for name in "ab"]
    assert ["a", "b"] == target.events
    assert 2 == target.connections


def test_a_connection_closed_while_idle_is_replaced(collector, connect):
    """A connection that the peer closed in between is simply made anew."""
    target = collector()
    transport = connect(target)
    transport.send(batch("a"))
    target.hang_up()
    assert transport.send(batch("b")).status == 200
    assert ["a", "b"] == target.events


@pytest.mark.parametrize("step", ["reset", "drop", "cut"])
def test_case_09_a_fresh_connection_is_not_tried_twice(collector, connect, step):
    """Reset or cut short on a new connection: a fault, for the retry table."""
    target = collector(step)
    with pytest.raises(TransportError, match="no answer: ") as caught:
        connect(target).send(batch("secret-event"))
    assert 1 == target.connections
    assert "secret" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_only_one_retry_is_made_inside(collector, connect):
    """The replacement of a dead connection is not replaced again."""
    target = collector(200, "reset", "reset")
    transport = connect(target)
    transport.send(batch("a"))
    with pytest.raises(TransportError):
        transport.send(batch("b"))
    assert 2 == target.connections


def test_case_15_a_collector_that_hangs_is_given_up(collector, connect):
    """An attempt ends after its own timeout, whatever the collector does."""
    target = collector("hang")
    with pytest.raises(TransportError, match="imeout"):
        connect(target).send(batch("a", timeout=0.1))


def test_a_refused_connection_is_a_fault(connect):
    """Where nobody listens there is no answer."""
    with pytest.raises(TransportError, match="ConnectionRefusedError"):
        connect("http://127.0.0.1:1").send(batch("a"))


@pytest.mark.parametrize("setting", ["host", "proxy"])
@pytest.mark.parametrize(
    "url",
    ["api.segment.io", "ftp://host", "socks5://host:1", "http://[::1", "http://h:x"],
)
def test_a_url_of_another_kind_is_told_at_start(setting, url):
    """What is no http(s) URL fails when the transport is made, naming the setting."""
    given = {"host": "https://api.segment.io", setting: url}
    with pytest.raises(ConfigurationError) as caught:
        HttpTransport(KEY, **given)
    assert setting == caught.value.setting


def test_tls_is_verified_against_the_bundle(collector, connect, bundle, ca):
    """A certificate that the given bundle does not vouch for is no answer."""
    target = collector(tls=server_tls(ca))
    assert connect(target, ca_bundle=bundle).send(batch("a")).status == 200
    with pytest.raises(TransportError, match="SSLCertVerificationError"):
        connect(target).send(batch("a"))
    assert ["a"] == target.events


@pytest.mark.parametrize(
    ("name", "expires", "text"),
    [
        ("127.0.0.1", datetime(2020, 1, 1, tzinfo=UTC), "expired"),
        ("elsewhere.example", None, "IP address mismatch"),
    ],
    ids=["expired", "wrong-host"],
)
def test_a_certificate_at_fault_is_the_cause(bundle, ca, name, expires, text):
    """What is wrong with the certificate is told, and its error is the cause."""
    tls = server_tls(ca, name, not_after=expires)
    with (
        Collector(tls=tls) as target,
        pytest.raises(TransportError, match=text) as caught,
    ):
        posted(target, ca_bundle=bundle)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


def test_a_peer_without_tls_is_the_cause():
    """A server that answers a TLS client in plain text is no passing fault."""

    def handle(sock, _peer):
        sock.recv(1)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        sock.recv(65_536)

    with Peer(handle) as peer, pytest.raises(TransportError) as caught:
        posted(peer.host.replace("http:", "https:"))
    assert isinstance(caught.value.__cause__, ssl.SSLError)


def test_a_connection_lost_in_the_handshake_is_no_tls_fault():
    """A server that goes away while TLS begins is an ordinary outage."""

    def handle(sock, _peer):
        sock.recv(65_536)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(65_536)

    with Peer(handle) as peer, pytest.raises(TransportError) as caught:
        posted(peer.host.replace("http:", "https:"))
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_the_bundle_may_be_mended_while_we_run(
    collector, connect, ca, bundle, tmp_path
):
    """After a TLS fault the certificates to trust are read again."""
    target = collector(tls=server_tls(ca))
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    transport = connect(target, ca_bundle=str(other))
    with pytest.raises(TransportError):
        transport.send(batch("a"))
    other.write_bytes(Path(bundle).read_bytes())
    assert 200 == transport.send(batch("a")).status


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_bundle_that_is_none_is_a_fault(tmp_path, content):
    """A file that is missing or no certificate is told with the first request."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TransportError, match=r"FileNotFoundError|SSLError"):
        posted("https://127.0.0.1:1", ca_bundle=str(path))


def test_another_process_gets_its_own_connection(collector, connect, monkeypatch):
    """A connection is never shared with the process that it was opened in."""
    target = collector()
    transport = connect(target)
    transport.send(batch("a"))
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    transport.send(batch("b"))
    assert 2 == target.connections


def test_the_repr_does_not_leak_the_key():
    """Four characters of the key tell two transports apart, and no more are shown."""
    shown = repr(HttpTransport(KEY, "https://api.segment.io/"))
    assert "HttpTransport(write_key='writ…', host='https://api.segment.io')" == shown
