"""The neutral view of a request, out of a scope and out of an environ."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_integrations.core.context import page, request_context
from segment_integrations.core.gateways import from_environ, from_scope
from segment_integrations.core.headers import AsgiHeaders, EnvironHeaders, PlainHeaders
from segment_integrations.core.policy import accepts_html
from segment_integrations.core.request import (
    UNROUTED,
    RequestInfo,
    ResponseInfo,
    parse_cookies,
)
from segment_integrations.core.settings import Settings

SCOPE = {
    "type": "http",
    "method": "GET",
    "scheme": "https",
    "path": "/shop/caf\xe9",
    "root_path": "/shop",
    "query_string": b"utm_source=a&q=1",
    "headers": [
        (b"host", b"shop.example"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"accept", b"text/html"),
        (b"accept", b"*/*"),
        (b"content-type", b"text/plain"),
    ],
    "client": ("203.0.113.9", 1),
}
ENVIRON = {
    "REQUEST_METHOD": "GET",
    "wsgi.url_scheme": "https",
    "SCRIPT_NAME": "/shop",
    "PATH_INFO": "/caf\xc3\xa9",
    "QUERY_STRING": "utm_source=a&q=1",
    "HTTP_HOST": "shop.example",
    "HTTP_COOKIE": "a=1; b=2",
    "HTTP_ACCEPT": "text/html, */*",
    "CONTENT_TYPE": "text/plain",
    "CONTENT_LENGTH": "",
    "REMOTE_ADDR": "203.0.113.9",
}


def told(info):
    return {
        name: getattr(info, name)
        for name in (
            *["method", "path", "query_string", "scheme", "client", "host"],
            *["headers", "cookies"],
        )
    }


def test_a_scope_and_an_environ_tell_the_same():
    """One request looks the same through both interfaces."""
    info = from_scope(dict(SCOPE))
    assert told(info) == told(from_environ(dict(ENVIRON)))
    assert info.path == "/shop/caf\xe9"
    assert info.cookies == {"a": "1", "b": "2"}
    assert info.headers["accept"] == "text/html, */*"


def test_a_root_path_that_the_proxy_stripped():
    """The path includes where the app is mounted, whoever left it out."""
    assert from_scope({**SCOPE, "path": "/x"}).path == "/shop/x"


def test_the_least_that_an_interface_gives():
    """Missing keys are missing facts, and no error."""
    info = from_scope({"type": "websocket", "scheme": "wss"})
    assert (info.method, info.path, info.scheme) == ("", "/", "https")
    assert info.client is None
    assert info.host is None
    info = from_environ({"wsgi.url_scheme": "http"})
    assert (info.method, info.path, info.client) == ("GET", "/", None)
    assert info.host is None


@pytest.mark.parametrize(
    ("scheme", "port", "host"),
    [
        ("http", "80", "server"),
        ("https", "443", "server"),
        ("http", "8000", "server:8000"),
    ],
)
def test_a_host_without_the_header(scheme, port, host):
    """HTTP/1.0 clients send no Host: the server's own name is taken."""
    environ = {"wsgi.url_scheme": scheme, "SERVER_NAME": "server", "SERVER_PORT": port}
    assert host == from_environ(environ).host


def test_the_native_request_is_made_when_it_is_asked_for():
    """A callable gets the framework's request, else the interface's own dict."""
    assert from_environ(ENVIRON).native is ENVIRON
    assert from_scope(SCOPE).native is SCOPE
    assert from_scope(SCOPE, native=lambda: "native").native == "native"
    info = RequestInfo()
    assert info.native is info


def test_no_text_shows_a_path():
    """`repr` names the method or the status, for a path may hold a secret."""
    assert repr(RequestInfo(path="/secret")) == "RequestInfo(method='GET')"
    assert repr(ResponseInfo(404)) == "ResponseInfo(status=404)"


@given(st.lists(st.tuples(st.binary(), st.binary())))
def test_no_header_fails(pairs):
    """Any bytes are headers, each found by its name in lower case."""
    headers = AsgiHeaders(pairs, is_lower=False)
    assert {name.lower().decode("latin-1") for name, _ in pairs} == set(headers)
    assert len(set(headers)) == len(headers)
    assert all(headers[name] == headers.get(name) for name in headers)


def test_a_repeated_header_is_joined():
    """Values of one name become one, whichever way their name is written."""
    pairs = [(b"Accept", b"a"), ("accept", "b"), (b"cookie", b"x=1"), (b"cookie", b"y")]
    headers = AsgiHeaders(iter(pairs), is_lower=False)
    assert {"accept": "a, b", "cookie": "x=1; y"} == dict(headers)
    assert (True, False) == ("accept" in headers, "Accept" in headers)


@pytest.mark.parametrize(
    "headers",
    [
        PlainHeaders({"X-Moz": "prefetch"}),
        AsgiHeaders([(b"x-moz", b"prefetch")], is_lower=True),
        EnvironHeaders({"HTTP_X_MOZ": "prefetch", "CONTENT_TYPE": "", "wsgi.input": 1}),
    ],
)
def test_headers_are_one_kind_of_mapping(headers):
    """A plain mapping, a scope's headers and an environ's are asked alike."""
    assert {"x-moz": "prefetch"} == dict(headers)
    assert 1 == len(headers)
    assert headers.get("content-type") is None
    assert headers.has_any(frozenset({"x-moz", "purpose"}))
    assert not headers.has_any(frozenset({"content-type", "purpose"}))
    with pytest.raises(KeyError):
        headers["purpose"]


@given(st.text())
def test_no_cookie_header_fails(header):
    """Any text is a Cookie header."""
    cookies = parse_cookies(header)
    assert all(name == name.strip() for name in cookies)


def test_the_first_cookie_of_a_name_wins():
    """A browser sends the most specific one first."""
    assert parse_cookies("a=1; a=2; b; =c; d=e=f") == {"a": "1", "": "c", "d": "e=f"}
    assert len(parse_cookies("; ".join(f"k{n}=1" for n in range(100_000)))) < 10_000


@given(st.text("ab=; \t"))
def test_one_cookie_is_the_same_as_among_all(header):
    """A cookie that is asked for alone is the one that `cookies` has."""
    info = RequestInfo(headers={"cookie": header})
    for name in ("a", "ab"):
        assert info.cookies.get(name) == info.cookie(name)


@pytest.mark.parametrize("agent", ["Firefox", "", "two\nlines"])
def test_the_fields_of_a_page_call_are_those_of_the_headers(agent):
    """Read at once, they are what each is by itself, whatever is in a value."""
    headers = AsgiHeaders([(b"user-agent", agent.encode())], is_lower=True)
    assert agent == headers.fields().user_agent
    assert "" == headers.fields().referer


@given(st.text())
def test_no_accept_header_fails(header):
    """Any text is an Accept header."""
    assert accepts_html(header) in {True, False}


TEXT = st.text(st.characters(max_codepoint=255))


@given(
    TEXT,
    TEXT,
    st.dictionaries(
        st.sampled_from(
            [
                *["referer", "user-agent", "accept-language", "cookie", "sec-ch-ua"],
                *["sec-ch-ua-platform", "x-forwarded-for", "forwarded", "host"],
            ]
        ),
        TEXT,
    ),
    st.none() | TEXT,
    st.sampled_from(["full", "truncate", "drop"]),
)
def test_no_request_fails(path, query, headers, client, ip):
    """Whatever a client sends, the spec's context can be built of it."""
    settings = Settings.resolve({"ip": ip, "trusted_proxies": 1}, environ={})
    info = RequestInfo(path=path, query_string=query, headers=headers, client=client)
    facts = page(info, UNROUTED, settings)
    assert set(facts) == {"path", "referrer", "search", "url"}
    context = request_context(info, facts, settings)
    assert context["page"] == facts
    assert ip != "drop" or "ip" not in context


def test_ctx_8_without_a_key_the_calls_do_nothing():
    """No key at all: calls return None, and one warning says what to do."""
    code = (
        "import segment_integrations as si\n"
        "for _ in range(3): print(si.track('X', user_id='u'), si.flush())\n"
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "SEGMENT"))
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=kept,
    )
    assert done.stdout.split() == ["None", "True"] * 3
    assert done.stderr.count("the write key is missing") == 1
    assert "SEGMENT_WRITE_KEY" in done.stderr
