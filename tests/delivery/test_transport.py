import base64
import os

import pytest
from delivery_bench import KEY, body

import segment_integrations
from segment_integrations.core.ports import Batch
from segment_integrations.delivery.transport import HttpTransport
from segment_integrations.errors import ConfigurationError, TransportError


def batch(*events, attempt=0, timeout=5.0):
    return Batch(tuple(body(event) for event in events), attempt, timeout)


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


def test_a_proxy_gets_the_whole_url_and_its_login(collector, connect):
    """Through a proxy: the full URL in the request line, user and password decoded."""
    proxy = collector()
    transport = connect(
        "http://collector.invalid",
        proxy=proxy.host.replace("//", "//user:p%40ss@"),
    )
    assert transport.send(batch("a")).status == 200
    (request,) = proxy.requests
    login = base64.b64encode(b"user:p@ss").decode()
    assert "http://collector.invalid/v1/batch" == request.path
    assert "collector.invalid" == request.headers["host"]
    assert f"Basic {login}" == request.headers["proxy-authorization"]


@pytest.mark.parametrize(
    ("environment", "used"),
    [
        ({"http_proxy": "{proxy}"}, True),
        ({"all_proxy": "{bare}"}, True),
        ({"http_proxy": "{proxy}", "no_proxy": ".invalid"}, False),
        ({"https_proxy": "{proxy}"}, False),
        ({}, False),
    ],
)
def test_the_environment_names_the_proxy(
    collector, connect, monkeypatch, environment, used
):
    """The usual variables are read, with and without a scheme, and so is no_proxy."""
    proxy = collector()
    for name, value in environment.items():
        bare = proxy.host.removeprefix("http://")
        monkeypatch.setenv(name, value.format(proxy=proxy.host, bare=bare))
    transport = connect("http://collector.invalid")
    if used:
        transport.send(batch("a"))
    else:
        with pytest.raises(TransportError):
            transport.send(batch("a"))
    assert used == bool(proxy.requests)


@pytest.mark.parametrize("setting", ["host", "proxy"])
@pytest.mark.parametrize("url", ["api.segment.io", "ftp://host", "socks5://host:1"])
def test_a_url_of_another_kind_is_told_at_start(setting, url):
    """What is no http(s) URL fails when the transport is made, naming the setting."""
    given = {"host": "https://api.segment.io", setting: url}
    with pytest.raises(ConfigurationError) as caught:
        HttpTransport(KEY, **given)
    assert setting == caught.value.setting


def test_tls_is_verified_against_the_bundle(connect, tmp_path):
    """A certificate that the given bundle does not vouch for is no answer."""
    trustme = pytest.importorskip("trustme")
    server = TlsServer(trustme.CA())
    bundle = tmp_path / "ca.pem"
    server.ca.cert_pem.write_to_path(bundle)
    with server:
        transport = connect(server.host, ca_bundle=str(bundle))
        assert transport.send(batch("a")).status == 200
        with pytest.raises(TransportError, match="SSLCertVerificationError"):
            connect(server.host).send(batch("a"))


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


class TlsServer:
    """The scripted collector, behind TLS."""

    def __init__(self, ca):
        import ssl

        from delivery_collector import Collector

        self.ca = ca
        self._collector = Collector()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1").configure_cert(context)
        server = self._collector._server
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self.host = self._collector.host.replace("http:", "https:")

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._collector.__exit__()
