"""What may leave the process: paths, queries, ids."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segment_integrations.core import privacy
from segment_integrations.core.privacy import MASK

NAMES = frozenset({"token", "code"})
SEGMENT = st.text(
    st.characters(exclude_characters="/?#*", exclude_categories=["Cs"]), min_size=1
)


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        ("/a/1", {}, "/a/1"),
        ("/a/1", {"id": "1"}, "/a/1"),
        ("/a/1", {"token": "1"}, "/a/***"),
        ("/1/1/11", {"token": 1}, "/***/***/11"),
        ("/file-s3cret.pdf", {"token": "s3cret"}, "/file-***.pdf"),
        ("/x/a/b/c", {"token": "a/b"}, "/x/***/c"),
        ("/a", {"token": ""}, "/a"),
        ("/A/b", {"Token": "b"}, "/A/***"),
        ("/t/c", {"token": "t", "code": "c"}, "/***/***"),
    ],
)
def test_masked_path(path, params, expected):
    """The values of named parameters become stars, whole segments where they are."""
    assert expected == privacy.masked_path(path, params, NAMES)


@given(st.lists(SEGMENT, min_size=1, max_size=5), st.data())
def test_masking_is_idempotent_and_complete(parts, data):
    """Masking twice is masking once, and no secret segment is left."""
    secret = data.draw(st.sampled_from(parts))
    assume(all(one == secret or secret not in one for one in parts))
    path = "/" + "/".join(parts)
    once = privacy.masked_path(path, {"token": secret}, NAMES)
    assert once == privacy.masked_path(once, {"token": secret}, NAMES)
    assert secret == MASK or secret not in once.split("/")


@given(st.text())
def test_clean_is_idempotent_bounded_and_encodable(text):
    """A cleaned text has no control characters, a bound, and a UTF-8 form."""
    cleaned = privacy.clean(text)
    assert cleaned == privacy.clean(cleaned)
    assert len(cleaned) <= privacy.TEXT_MAX_CHARS
    cleaned.encode()
    assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in cleaned)


@given(st.text())
def test_no_cookie_makes_a_dangerous_id(value):
    """Whatever the cookie, the id is None or a short plain ASCII text."""
    found = privacy.anonymous_id(value)
    if found is not None:
        assert 1 <= len(found) <= privacy.ANONYMOUS_ID_MAX_CHARS
        assert found.isascii()
        assert not set(found) & set("<>\"';, \\\r\n\x00")


@given(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z"))
def test_the_three_forms_of_an_id(value):
    """Bare, quoted and quoted-then-encoded are one id."""
    if value in {"null", "undefined"}:
        return
    quoted = json.dumps(value)
    for form in (value, quoted, quote(quoted), quote(value)):
        assert value == privacy.anonymous_id(form)


@pytest.mark.parametrize(
    "value",
    [None, "", "-", "null", '"', '"a', "%22abcd", "[1]", "4 4 4 4", "x" * 129],
)
def test_an_id_that_is_none(value):
    """Junk is no id."""
    assert privacy.anonymous_id(value) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("de-DE,de;q=0.9", "de-DE"),
        ("en", "en"),
        ("zh-Hant-TW;q=1", "zh-Hant-TW"),
        ("*", None),
        ("", None),
        ("12", None),
        ("x" * 36, None),
        ("en_US", "en_US"),
    ],
)
def test_locale(header, expected):
    """The first tag of Accept-Language, if it is one."""
    assert expected == privacy.locale(header)


@pytest.mark.parametrize(
    ("value", "is_host"),
    [
        ("shop.example", True),
        ("shop.example:8443", True),
        ("[::1]:80", True),
        ("a b", False),
        ("evil/path", False),
        ("a:port", False),
        ("", False),
        (None, False),
        ("x" * 254, False),
    ],
)
def test_host(value, is_host):
    """Only what can stand in an address is a host."""
    assert (value if is_host else None) == privacy.host(value)


@pytest.mark.parametrize(
    ("query", "patterns", "expected"),
    [
        ("", ("utm_*",), ""),
        ("a=1", (), ""),
        ("utm_source=a&q=b", ("utm_*",), "?utm_source=a"),
        ("q=a b&q=c", ("q",), "?q=a+b&q=c"),
        ("q=%ff", ("*",), "?q=%EF%BF%BD"),
        ("&&=&x", ("*",), ""),
        ("a=%1f&b=1", ("*",), "?b=1"),  # a value of which nothing is left
        ("&".join(f"a{n}=1" for n in range(200)), ("*",), ""),
    ],
)
def test_search(query, patterns, expected):
    """Only allow-listed parameters, re-encoded; too many are none."""
    assert expected == privacy.search(query, patterns)


@given(st.text(), st.lists(st.sampled_from(["utm_*", "ref", "*"]), max_size=3))
def test_search_never_raises_and_is_idempotent(query, patterns):
    """Cleaning a cleaned query changes nothing."""
    once = privacy.search(query, tuple(patterns))
    assert len(once) <= 6 * privacy.URL_MAX_CHARS
    if len(once) < privacy.TEXT_MAX_CHARS:
        assert once == privacy.search(once.removeprefix("?"), tuple(patterns))


def test_campaign():
    """`utm_*` without its prefix, `campaign` as `name`."""
    query = "utm_campaign=spring&utm_source=news&utm_id=7&utm_=x&q=1"
    assert privacy.campaign(query) == {"name": "spring", "source": "news", "id": "7"}
    assert privacy.campaign("q=1") == {}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x?q=1#f", ("https://a.example", "/x", "q=1")),
        ("https://me:pw@a.example", ("https://a.example", "/", "")),
        ("http://[::1]:80/", ("http://[::1]:80", "/", "")),
        ("http://[::1/", None),
        ("android-app://com.example", None),
        ("javascript:alert(1)", None),
        ("/relative", None),
        ("", None),
    ],
)
def test_split_url(url, expected):
    """Userinfo and fragment are dropped; what has no web host is nothing."""
    assert expected == privacy.split_url(url)


@given(st.text())
def test_split_url_never_raises(url):
    """Whatever a Referer holds."""
    privacy.split_url(url)
    privacy.split_url(f"https://{url}")
