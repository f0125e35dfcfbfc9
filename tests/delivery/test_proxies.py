"""Requests through HTTP proxies: from the setting, from the environment, by CONNECT."""

import base64
import re
import traceback
from contextlib import closing

import pytest
import trustme
from delivery_bench import KEY
from delivery_peers import LOGIN, ConnectProxy, Peer, answers, batch, posted, server_tls

from segment_integrations.delivery.transport import HttpTransport
from segment_integrations.errors import TransportError

PROXY_LOGIN = base64.b64encode(b"user:p@ss").decode()
LOGIN_LINE = re.compile(rb"(?i)\r\nproxy-authorization: Basic (\S+)\r\n")
TARGET = "collector.invalid"


@pytest.fixture(scope="module")
def ca():
    return trustme.CA()


@pytest.fixture
def bundle(ca, tmp_path):
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


@pytest.fixture
def secure(collector, ca):
    """A collector that is `TARGET` to those who trust *ca*."""
    return collector(tls=server_tls(ca, TARGET))


def with_login(proxy):
    return proxy.host.replace("//", "//user:p%40ss@")


def test_a_proxy_gets_the_whole_url_and_its_login(collector):
    """For http: the full URL in the request line, user and password decoded."""
    proxy = collector()
    assert 200 == posted(f"http://{TARGET}", proxy=with_login(proxy)).status
    (request,) = proxy.requests
    assert f"http://{TARGET}/v1/batch" == request.path
    assert TARGET == request.headers["host"]
    assert f"Basic {PROXY_LOGIN}" == request.headers["proxy-authorization"]


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
def test_the_environment_names_the_proxy(collector, monkeypatch, environment, used):
    """The usual variables are read, with and without a scheme, and so is no_proxy."""
    proxy = collector()
    for name, value in environment.items():
        bare = proxy.host.removeprefix("http://")
        monkeypatch.setenv(name, value.format(proxy=proxy.host, bare=bare))
    if used:
        posted(f"http://{TARGET}")
    else:
        with pytest.raises(TransportError):
            posted(f"http://{TARGET}")
    assert used == bool(proxy.requests)


def test_https_goes_through_a_tunnel(secure, bundle):
    """For https: CONNECT with the proxy's login, and our own only inside of it."""
    with ConnectProxy({TARGET: secure.port}) as proxy:
        answer = posted(f"https://{TARGET}", proxy=with_login(proxy), ca_bundle=bundle)
    assert 200 == answer.status
    (head,) = proxy.heads
    assert head.startswith(f"CONNECT {TARGET}:443 HTTP/1.".encode())
    assert PROXY_LOGIN.encode() == LOGIN_LINE.search(head)[1]
    assert LOGIN not in head
    (request,) = secure.requests
    assert "/v1/batch" == request.path
    assert f"Basic {LOGIN.decode()}" == request.headers["authorization"]
    assert "proxy-authorization" not in request.headers


def test_https_finds_its_proxy_in_the_environment(secure, bundle, monkeypatch):
    """`HTTPS_PROXY` with a login works as the setting does."""
    with ConnectProxy({TARGET: secure.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", with_login(proxy))
        assert 200 == posted(f"https://{TARGET}", ca_bundle=bundle).status
    assert f"Basic {PROXY_LOGIN}".encode() in proxy.heads[0]


def test_a_proxy_may_be_spoken_to_over_tls(secure, ca, bundle):
    """An https proxy is verified against the same bundle."""
    with ConnectProxy({TARGET: secure.port}, tls=server_tls(ca)) as proxy:
        answer = posted(f"https://{TARGET}", proxy=proxy.host, ca_bundle=bundle)
        assert 200 == answer.status
        with pytest.raises(TransportError, match="SSLCertVerificationError"):
            posted(f"https://{TARGET}", proxy=proxy.host)


def test_http_through_an_https_proxy_is_forwarded(collector, ca, bundle):
    """The scheme of the proxy and that of the collector have nothing to do."""
    proxy = collector(tls=server_tls(ca))
    assert 200 == posted(f"http://{TARGET}", proxy=proxy.host, ca_bundle=bundle).status
    assert f"http://{TARGET}/v1/batch" == proxy.requests[0].path


def test_tls_is_verified_through_the_tunnel(secure):
    """A proxy is not trusted to vouch for the collector."""
    with (
        ConnectProxy({TARGET: secure.port}) as proxy,
        pytest.raises(TransportError, match="SSLCertVerificationError"),
    ):
        posted(f"https://{TARGET}", proxy=proxy.host)
    assert [] == secure.requests


def test_a_tunnel_is_kept(secure, bundle):
    """Many batches go through one tunnel."""
    with ConnectProxy({TARGET: secure.port}) as proxy:
        transport = HttpTransport(
            KEY, f"https://{TARGET}", proxy=proxy.host, ca_bundle=bundle
        )
        with closing(transport):
            assert [200] * 3 == [transport.send(batch(n)).status for n in "abc"]
    assert 1 == len(proxy.heads)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_login_is_a_fault(scheme):
    """A 407 is no word of the collector's, and what the proxy repeats is not told."""

    def refuse(head):
        given = LOGIN_LINE.search(head)[1]
        return b"HTTP/1.1 407 %b\r\nContent-Length: 0\r\n\r\n" % given

    if scheme == "http":
        peer = Peer(answers(refuse))
    else:
        peer = ConnectProxy(answer=lambda sock, _: sock.sendall(refuse(proxy.heads[0])))
    with peer as proxy, pytest.raises(TransportError, match="refused with 407") as told:
        posted(f"{scheme}://{TARGET}", proxy=with_login(proxy))
    shown = "".join(traceback.format_exception(told.value))
    assert [] == [one for one in (PROXY_LOGIN, "p@ss", "p%40ss", KEY) if one in shown]


def test_a_proxy_that_does_not_listen_is_a_fault():
    """No proxy, no answer."""
    with pytest.raises(TransportError, match="ConnectionRefusedError"):
        posted(f"https://{TARGET}", proxy="http://user:pass@127.0.0.1:1")
