"""What `doctor` finds out by asking, and that it asks no more than it should."""

import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trustme
from cli_bench import states, told
from delivery_peers import ConnectProxy, Peer, read_head, server_tls

from segment_integrations.dev.server import running

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n%b\r\n"


def test_all_is_well_with_the_local_collector(processed, tmp_path):
    """The one test event arrives under the messageId that is told."""
    with running() as collector:
        options = ["--host", collector.url, "--write-key", "dev", "--send"]
        folder = ["--spool-dir", tmp_path / "spool"]
        result = processed("doctor", *options, *folder, cwd=tmp_path)
        (message,) = collector.messages()

    assert (0, "") == (result.returncode, result.stderr)
    assert "Segment Integrations Doctor" == message["event"]
    assert message["anonymousId"]
    assert f"messageId {message['messageId']}" in result.stdout
    assert result.stdout.endswith("0 failed, 0 warnings.\n")
    assert not (tmp_path / "spool").exists()


def test_nothing_is_sent_unasked(doctor, collector):
    """Without --send the endpoint gets no event and no key."""
    target = collector()

    result = doctor("--host", target.host)

    assert 0 == result.code
    assert ["ok"] == states(result, "HTTP")
    assert ["ok"] == states(result, "clock")
    assert "send" not in result.found
    assert [] == target.requests


@pytest.mark.parametrize(
    ("answer", "part"),
    [(401, "401: check the write key"), (400, "400"), ("hang", "")],
)
def test_an_event_that_is_not_taken_has_failed(processed, collector, answer, part):
    """The reason is the answer's, and the wait for one is bounded."""
    options = ["--host", collector(default=answer).host, "--write-key", "dev"]
    result = processed("doctor", *options, "--send", "--timeout", "1", "--json")

    document = json.loads(result.stdout)
    assert (1, "") == (result.returncode, result.stderr)
    assert ("send", "failed") == (
        document["checks"][-1]["check"],
        document["checks"][-1]["state"],
    )
    assert part in document["checks"][-1]["text"]


def test_a_refused_port_is_where_it_ends(doctor):
    """What comes after a failed step is not tried."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    result = doctor("--host", f"http://127.0.0.1:{port}")

    assert 1 == result.code
    assert ["failed"] == states(result, "TCP")
    assert "ConnectionRefusedError" in told(result, "TCP")
    assert "HTTP" not in result.found


@pytest.mark.parametrize("name", ["nowhere.invalid", f"{'x' * 70}.example"])
def test_a_name_without_an_address_is_told(doctor, name):
    """Names that are none, and those that nobody has."""
    result = doctor("--host", f"https://{name}")

    assert 1 == result.code
    assert ["failed"] == states(result, "DNS")


def test_a_host_that_does_not_answer_is_not_waited_for(doctor):
    """A peer that takes the connection and says nothing costs the timeout."""
    with Peer(lambda _sock, peer: peer.stop.wait(15)) as peer:
        result = doctor("--host", peer.host, "--timeout", "0.3")

    assert 1 == result.code
    assert ["failed"] == states(result, "HTTP")


@pytest.mark.parametrize(
    ("offset_s", "state"), [(0, "ok"), (-3_600, "warning"), (3_600, "warning")]
)
def test_the_clock_is_compared_with_the_host_s(doctor, offset_s, state):
    """Over a minute is worth a warning, whichever is ahead."""

    def answer(sock, _peer):
        read_head(sock)
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=offset_s), True)
        sock.sendall(OK % f"Date: {date}\r\n".encode())

    with Peer(answer) as peer:
        result = doctor("--host", peer.host)

    assert [state] == states(result, "clock")
    assert 0 == result.code


@pytest.mark.parametrize("header", [b"", b"Date: yesterday\r\n"])
def test_a_host_without_a_date_is_no_fault(doctor, header):
    """There is nothing to compare with."""

    def answer(sock, _peer):
        read_head(sock)
        sock.sendall(OK % header)

    with Peer(answer) as peer:
        assert ["ok"] == states(doctor("--host", peer.host), "clock")


@pytest.fixture(name="ca", scope="module")
def _ca():
    return trustme.CA()


@pytest.fixture(name="bundle")
def _bundle(ca, tmp_path, monkeypatch):
    """The authority's certificate, as the setting `ca_bundle` of the environment."""
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SEGMENT_CA_BUNDLE", str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


def test_a_trusted_certificate_is_told_with_its_end(doctor, collector, ca, bundle):
    """Who trusts it stands there as well."""
    result = doctor("--host", collector(tls=server_tls(ca)).host)

    assert 0 == result.code
    assert ["ok"] == states(result, "TLS")
    assert str(bundle) in told(result, "TLS")
    assert ["ok"] == states(result, "HTTP")


def test_a_certificate_that_ends_soon_is_a_warning(doctor, collector, ca, bundle):
    """Two weeks are time enough to renew it."""
    ends = datetime.now(UTC) + timedelta(days=3)
    tls = server_tls(ca, "127.0.0.1", not_after=ends)

    result = doctor("--host", collector(tls=tls).host)

    assert ["warning"] == states(result, "TLS")
    assert 0 == result.code


def test_an_untrusted_certificate_has_failed(doctor, collector, ca):
    """The advice is the setting for an authority of one's own."""
    result = doctor("--host", collector(tls=server_tls(ca)).host)

    assert 1 == result.code
    assert ["failed"] == states(result, "TLS")
    assert "SEGMENT_CA_BUNDLE" in told(result, "TLS")
    assert "HTTP" not in result.found


def test_another_hosts_certificate_has_failed(doctor, collector, ca, bundle):
    """A name that is not in it is told as such."""
    tls = server_tls(ca, "another.example")

    assert "failed" in states(doctor("--host", collector(tls=tls).host), "TLS")


def test_a_port_without_tls_has_failed(doctor, collector):
    """An https address of a host that speaks plain HTTP."""
    host = collector().host.replace("http:", "https:")

    result = doctor("--host", host)

    assert ["failed"] == states(result, "TLS")
    assert "scheme and port" in told(result, "TLS")


def test_a_bundle_that_is_none_has_failed(doctor, collector, ca, bundle):
    """A file of another kind in the place of the certificates."""
    bundle.write_text("no certificate")

    result = doctor("--host", collector(tls=server_tls(ca)).host)

    assert ["failed"] == states(result, "TLS")
    assert "no file of certificates" in told(result, "TLS")


def test_a_proxy_is_told_without_its_password(doctor, collector, monkeypatch):
    """It is the one that is contacted, and it may come from other tools' variables."""
    proxy = collector()
    url = proxy.host.replace("//", "//joe:pass-word@")
    monkeypatch.setenv("http_proxy", url)

    result = doctor("--host", "http://collector.invalid")

    assert 0 == result.code
    assert f"{proxy.host}, from HTTPS_PROXY or the like" in told(result, "proxy")
    assert "pass-word" not in result.out


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses_is_told(doctor, monkeypatch, scheme):
    """Whether it is asked for a page or for a tunnel."""

    def refuse(sock, _peer):
        read_head(sock)
        sock.sendall(b"HTTP/1.1 407 No pass-word\r\nContent-Length: 0\r\n\r\n")

    with Peer(refuse) as proxy:
        monkeypatch.setenv("SEGMENT_PROXY", proxy.host)
        result = doctor("--host", f"{scheme}://collector.invalid")

    assert ["failed"] == states(result, "HTTP")
    assert "the proxy refused with 407" in told(result, "HTTP")
    assert "pass-word" not in result.out


def test_tls_is_checked_behind_a_proxy(*, doctor, collector, ca, monkeypatch, tmp_path):
    """Through a tunnel the host's certificate counts, not the proxy's."""
    target = collector(tls=server_tls(ca, "collector.invalid"))
    with ConnectProxy({"collector.invalid": target.port}) as proxy:
        monkeypatch.setenv("SEGMENT_PROXY", proxy.host)
        untrusted = doctor("--host", "https://collector.invalid")
        ca.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SEGMENT_CA_BUNDLE", str(tmp_path / "ca.pem"))
        trusted = doctor("--host", "https://collector.invalid")

    assert ["failed"] == states(untrusted, "TLS")
    assert "SEGMENT_CA_BUNDLE" in told(untrusted, "TLS")
    assert (0, ["ok"]) == (trusted.code, states(trusted, "HTTP"))


def test_a_proxy_of_another_kind_is_told(doctor, monkeypatch):
    """SOCKS is not spoken here."""
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1080")

    result = doctor("--host", "https://collector.invalid")

    assert 1 == result.code
    assert ["failed"] == states(result, "proxy")


def test_wrong_use_is_code_2(called):
    """A test event can not be sent without the network."""
    assert 2 == called("doctor", "--send", "--offline").code
    assert 2 == called("doctor", "--timeout", "0").code
