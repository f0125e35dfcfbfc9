"""Which bytes of a peer are an answer, whatever it holds, and which are none."""

import logging
import traceback
from contextlib import closing

import pytest
from delivery_bench import KEY
from delivery_peers import LOGIN, OK, Peer, answers, batch, posted

from segment_integrations.delivery.transport import HttpTransport
from segment_integrations.errors import TransportError

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
NEXT = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


def whole(body, *headers, status=b"200 OK"):
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


STRANGE = {
    "html": (whole(b"<html>", b"Content-Type: text/html"), 200, b"<html>"),
    "empty": (whole(b""), 200, b""),
    "binary": (whole(b"\xff\x00\xfe"), 200, b"\xff\x00\xfe"),
    "huge": (whole(b"x" * 3_000_000), 200, b"x" * 16_384),
    "no-gzip": (whole(b"{}", b"Content-Encoding: gzip"), 200, b"{}"),
    "unknown-encoding": (whole(b"{}", b"Content-Encoding: \xff"), 200, b"{}"),
    "many-encodings": (
        whole(b"{}", b"Content-Encoding: " + b"gzip, " * 50 + b"gzip"),
        200,
        b"{}",
    ),
    "charset": (whole(b"{}", b"Content-Type: a/b; charset=none"), 200, b"{}"),
    "multipart": (whole(b"{}", b"Content-Type: multipart/mixed"), 200, b"{}"),
    "odd-header": (whole(b"{}", b"X-A: \xc3\xa4\xff", b"X-A: 2", b"X-B:"), 200, b"{}"),
    "no-reason": (whole(b"{}", status=b"200"), 200, b"{}"),
    "100-first": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"{}"),
    "102-first": (b"HTTP/1.1 102 Processing\r\n\r\n" + OK, 200, b"{}"),
    "103-first": (b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + OK, 200, b"{}"),
    "204-with-body": (whole(b"{}", status=b"204 No Content"), 204, b""),
    "chunked": (
        CHUNKED + b"1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX-Trailer: a\r\n\r\n",
        200,
        b"{}",
    ),
    "chunked-and-length": (
        whole(b"2\r\n{}\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
        200,
        b"{}",
    ),
    "odd-status": (whole(b"", status=b"299 Odd"), 299, b""),
    "more-than-its-length": (OK + b"and more", 200, b"{}"),
    "bare-newlines": (OK.replace(b"\r\n", b"\n"), 200, b"{}"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_case_10_a_success_is_one_whatever_its_body(name):
    """The status counts, and the next request gets its own answer."""
    answer, status, body = STRANGE[name]
    with Peer(answers(answer, NEXT)) as peer:
        # A peer of its own may serve the second: the first connection may be spoilt.
        with closing(HttpTransport(KEY, peer.host)) as transport:
            told = transport.send(batch("a"))
            assert (status, body) == (told.status, told.body)
            second = transport.send(batch("b")).status
        assert second == (202 if peer.connections == 1 else status)


def test_case_10_a_body_that_ends_with_the_connection_is_whole():
    """Without a length the end of the stream is the end of the body."""
    with Peer(answers(b"HTTP/1.0 200 OK\r\n\r\n{}")) as peer:
        told = posted(peer)
    assert (200, b"{}") == (told.status, told.body)


BROKEN = {
    "nothing": b"",
    "another-protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "binary": b"\x16\x03\x01\x00\xff" * 20,
    "no-status": b"HTTP/1.1 abc OK\r\n\r\n",
    "no-such-status": b"HTTP/1.1 42 OK\r\n\r\n",
    "another-version": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no-header": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n",
    "no-header-name": b"HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n",
    "long-header": b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 70_000 + b"\r\n\r\n",
    "many-headers": b"HTTP/1.1 200 OK\r\n" + b"X-A: a\r\n" * 200 + b"\r\n",
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab",
    "cut-status": b"HTTP/1.1 2",
    "cut-line": b"HTTP/1.1 200 OK\r\nContent-Le",
    "cut-headers": b"HTTP/1.1 200 OK\r\nServer: a\r\n",
    "cut-body": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
    "cut-chunk": CHUNKED + b"9\r\n{}",
    "no-chunk": CHUNKED + b"zz\r\n{}",
    "cut-interim": b"HTTP/1.1 100 Continue\r\n\r\n",
    "upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_case_09_what_is_no_whole_answer_is_a_fault(name, caplog):
    """A status line or headers that are no HTTP, or the half of an answer."""
    caplog.set_level(logging.INFO)
    with (
        Peer(answers(BROKEN[name])) as peer,
        pytest.raises(TransportError, match="no answer: "),
    ):
        posted(peer)
    assert 1 == peer.connections
    assert [] == caplog.messages


@pytest.mark.parametrize(
    "answer",
    [
        lambda head: head,
        lambda head: b"HTTP/1.1 " + head.replace(b"\r\n", b" ") + b"\r\n\r\n",
        lambda head: b"HTTP/1.1 200 OK\r\n" + head,
    ],
    ids=["echo", "status", "headers"],
)
def test_what_a_peer_repeats_is_not_told(answer):
    """A peer that sends our request back does not get our key into a traceback."""
    with Peer(answers(answer)) as peer, pytest.raises(TransportError) as caught:
        posted(peer)
    shown = "".join(traceback.format_exception(caught.value))
    assert [] == [one for one in (KEY, LOGIN.decode()) if one in shown]


def test_the_log_has_no_secrets_and_we_add_no_line(collector, caplog, capsys):
    """Nothing above DEBUG for a request, and the key in no line, urllib3's included."""
    caplog.set_level(logging.DEBUG)
    target = collector(200, 500, "drop", "drop")
    with closing(HttpTransport(KEY, target.host)) as transport:
        transport.send(batch("secret-event"))
        transport.send(batch("secret-event"))
        with pytest.raises(TransportError):
            transport.send(batch("secret-event"))
    assert caplog.records  # urllib3's
    assert {logging.DEBUG} == {record.levelno for record in caplog.records}
    told = " ".join(record.getMessage() for record in caplog.records)
    told += "".join(capsys.readouterr())
    assert [] == [one for one in (KEY, LOGIN.decode(), "secret") if one in told]


def test_the_debugging_of_http_client_does_not_print_the_key(
    collector, monkeypatch, capsys
):
    """Its switch for all connections, a usual trick, leaves ours out."""
    monkeypatch.setattr("http.client.HTTPConnection.debuglevel", 1)
    posted(collector())
    assert ("", "") == capsys.readouterr()
