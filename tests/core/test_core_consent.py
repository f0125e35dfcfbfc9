"""What the consent readers make of a cookie's value, whatever is in it."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_integrations.consent import CookieReader, cookiebot, onetrust
from segment_integrations.ports import RequestInfo


def read(reader, value, name=None):
    return reader(RequestInfo(headers={"cookie": f"{name or reader.name}={value}"}))


BANNER = CookieReader("banner")
NESTED = CookieReader("banner", key="categories")
NECESSARY_ALONE = {"necessary": True, "marketing": False}


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        (onetrust, "groups=C0001%3A1%2CC0002%3A0", {"C0001": True, "C0002": False}),
        (onetrust, quote("groups=C0001:1,C0002:0"), {"C0001": True, "C0002": False}),
        (onetrust, quote("a=1&groups=C0001%3A1"), {"C0001": True}),
        (onetrust, "groups=C1:1,C1:0", {"C1": False}),
        (onetrust, "groups=C1:yes,C2:1x,C3", {"C1": False, "C2": False}),
        (onetrust, "groups=%00C1%0a:1", {"C1": True}),
        (onetrust, "&" * 5_000, False),
        (
            cookiebot,
            "-1",
            dict.fromkeys(
                ["necessary", "preferences", "statistics", "marketing"], True
            ),
        ),
        (cookiebot, "0", False),
        (cookiebot, quote("{necessary:true,other:true}"), {"necessary": True}),
        (cookiebot, quote('{"necessary":true}'), {"necessary": True}),
        (BANNER, "a", {"a": True}),
        (BANNER, "a,b", {"a": True, "b": True}),
        (BANNER, quote("a=true&b=false&c=0"), {"a": True, "b": False, "c": False}),
        (BANNER, quote('["a", "b", 3, null]'), {"a": True, "b": True}),
        (
            BANNER,
            quote('{"a": 1, "b": "denied", "c": [], "d": null, "e": "granted"}'),
            {"a": True, "b": False, "e": True},
        ),
        (BANNER, r'"{\"a\": true\054 \"b\": false}"', {"a": True, "b": False}),
        (BANNER, r'"a:1\054b:0"', {"a": True, "b": False}),
        (BANNER, r'"[\"a\"]"', {"a": True}),
        (BANNER, '"a:1,b:0"', {"a": True, "b": False}),
        (BANNER, '"a":"1","b":"0"', {"a": True, "b": False}),
        (BANNER, '"a', {"a": True}),
        (BANNER, '"', False),
        (BANNER, '"' + "\\" * 5_000 + '"', {"\\" * 64: True}),
        (BANNER, r'"a\9\"', {"a9\\": True}),
        (onetrust, r'"groups=C1:1\054C2:0"', {"C1": True, "C2": False}),
        (cookiebot, r'"{necessary:true\054marketing:false}"', NECESSARY_ALONE),
        (BANNER, quote("{}"), False),
        (NESTED, quote('{"categories": ["a"], "revision": 0}'), {"a": True}),
        (NESTED, quote('{"categories": {"a": true}}'), {"a": True}),
        (NESTED, quote('["a"]'), False),
    ],
)
def test_a_value(reader, value, expected):
    """Each form of a cookie is read; what is unclear is no."""
    assert expected == read(reader, value)


def test_a_mapping_answers_for_all_of_its_names():
    """What the cookie does not name is no, and of two with one name both count."""
    reader = CookieReader("banner", {"a": "One", "b": "One", "c": "Two"})
    assert {"One": False, "Two": False} == read(reader, "a:1")
    assert {"One": True, "Two": True} == read(reader, "a:1,b:1,c:1,d:1")


def test_a_flood_of_categories_is_cut():
    """A cookie can not make an event grow: 64 names of 64 characters at most."""
    many = json.dumps({f"{number:02}{'x' * 90}": True for number in range(80)})
    answer = read(BANNER, quote(many))
    assert answer is False or len(answer) <= 64
    few = read(BANNER, ",".join("abcdefghij"[n % 10] * (n + 1) for n in range(110)))
    assert len(few) == 64
    assert max(map(len, few)) <= 64


@given(st.text(max_size=400), st.sampled_from([onetrust, cookiebot, BANNER, NESTED]))
def test_no_cookie_raises(value, reader):
    """Whatever a cookie holds, the answer is no or a mapping of booleans."""
    answer = read(reader, value)
    assert answer is False or all(
        isinstance(name, str) and isinstance(allowed, bool)
        for name, allowed in answer.items()
    )


@pytest.mark.parametrize(
    "request_",
    [
        {"type": "http", "headers": [(b"cookie", b"banner=a:1")]},
        {"wsgi.url_scheme": "http", "HTTP_COOKIE": "banner=a:1"},
        {"type": "http", "headers": [(b"cookie", b"x=1"), (b"cookie", b"banner=a:1")]},
    ],
    ids=["scope", "environ", "http/2"],
)
def test_a_bare_request_is_read(request_):
    """A scope or an environ, which plain ASGI and WSGI have, is enough."""
    assert {"a": True} == BANNER(request_)


@pytest.mark.parametrize("request_", [None, 3, {}, {"headers": []}, object()])
def test_what_is_no_request_is_a_no(request_):
    """A reader that is asked about anything else says no."""
    assert BANNER(request_) is False
