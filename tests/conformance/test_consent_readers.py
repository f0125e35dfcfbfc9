"""The cookie readers for `consent`, under every framework."""

from __future__ import annotations

from http.cookies import SimpleCookie
from urllib.parse import quote

import pytest
from neutral import ANONYMOUS, Reply

from segment_integrations import track
from segment_integrations.consent import Cookiebot, CookieReader, OneTrust, onetrust

GROUPS = "C0001:1,C0002:1,C0004:0"
OPTANON = f"isGpcEnabled=0&version=202401.1.0&groups={quote(GROUPS)}&geolocation=%3B"
COOKIEBOT = quote(
    "{stamp:'ab==',necessary:true,preferences:false,statistics:true,marketing:false,"
    "method:'explicit',ver:1,utc:1700000000000,region:'gb'}"
)


def seen(_):
    track("Seen")
    return Reply()


def visited(make_site, reader, cookie, headers=None):
    """The consent that the two events of one visit carry, or the count of no."""
    site = make_site({"/": seen}, consent=reader)
    cookies = f"ajs_anonymous_id={ANONYMOUS}; {cookie}"
    assert site.visit(headers=headers, cookie=cookies).status == 200
    if not site.events.messages:
        assert {"consent": 1} == site.pages()
        return None
    first, second = (one["context"]["consent"] for one in site.events.messages)
    assert first == second
    return first["categoryPreferences"]


@pytest.mark.parametrize(
    ("reader", "cookie", "expected"),
    [
        (
            "segment_integrations.consent:onetrust",
            f"OptanonConsent={OPTANON}",
            {"C0001": True, "C0002": True, "C0004": False},
        ),
        (
            OneTrust({"C0002": "Analytics", "C0004": "Advertising"}),
            f"OptanonConsent={OPTANON}",
            {"Analytics": True, "Advertising": False},
        ),
        (
            "segment_integrations.consent:cookiebot",
            f"CookieConsent={COOKIEBOT}",
            {
                "necessary": True,
                "preferences": False,
                "statistics": True,
                "marketing": False,
            },
        ),
        (
            CookieReader("banner", {"stats": "Analytics"}),
            "banner=" + quote('{"stats": true, "ads": false}'),
            {"Analytics": True},
        ),
        (CookieReader("banner"), "banner=a:1|b:0", {"a": True, "b": False}),
    ],
    ids=["onetrust", "onetrust mapped", "cookiebot", "json", "delimited"],
)
def test_categories_out_of_a_cookie(make_site, reader, cookie, expected):
    """The banner's categories are stamped, under their own or under given names."""
    assert expected == visited(make_site, reader, cookie)


@pytest.mark.parametrize(
    "value", ['{"stats": true, "ads": false}', "stats:1,ads:0", "stats:1;ads:0"]
)
def test_a_cookie_that_python_wrote_is_read(make_site, value):
    """What `http.cookies` puts into quotes and octal escapes is read as it was set."""
    written = SimpleCookie({"banner": value})["banner"].OutputString()
    expected = {"stats": True, "ads": False}
    assert expected == visited(make_site, CookieReader("banner"), written)


@pytest.mark.parametrize(
    ("reader", "cookie"),
    [
        (onetrust, "other=1"),
        (onetrust, "OptanonConsent="),
        (onetrust, "OptanonConsent=groups="),
        (onetrust, f"OptanonConsent={OPTANON + 'x' * 9_000}"),
        (Cookiebot(), "CookieConsent=0"),
        (Cookiebot(), "CookieConsent=\xff\xfe"),
        (CookieReader("banner"), "banner=" + "[" * 4_000),
        (CookieReader("banner"), 'banner={"a":'),
    ],
    ids=lambda one: str(one)[:24],
)
def test_no_answer_is_no_consent(make_site, log, reader, cookie):
    """A cookie that is missing, empty or no cookie of a banner's sends nothing."""
    assert None is visited(make_site, reader, cookie)
    assert [] == log()


def test_a_required_category(make_site):
    """Where the category that `requires` names is refused, nothing is sent."""
    reader = OneTrust({"C0004": "Advertising"}, requires="Advertising")
    assert None is visited(make_site, reader, f"OptanonConsent={OPTANON}")


def test_a_refusal_of_all_categories_is_stamped(make_site):
    """A no to each category is sent with the events: Segment routes by it."""
    expected = {"C0002": False, "C0004": False}
    cookie = "OptanonConsent=groups=C0002:0,C0004:0"
    assert expected == visited(make_site, onetrust, cookie)


def test_a_privacy_signal_reaches_a_reader_s_categories(make_site):
    """Sec-GPC: 1 turns OneTrust's targeting off, though the cookie says yes."""
    cookie = "OptanonConsent=groups=C0002:1,C0004:1"
    expected = {"C0002": True, "C0004": False}
    assert expected == visited(make_site, onetrust, cookie, {"Sec-GPC": "1"})


def header(request, name):
    """A header of a framework's own request."""
    return request.headers.get(name)


def test_privacy_signals_reach_the_hook(make_site):
    """The `consent` callable sees DNT and Sec-GPC in the framework's own request."""
    asked = []

    def consent(request):
        asked.append((header(request, "DNT"), header(request, "Sec-GPC")))
        return True

    site = make_site({"/": seen}, consent=consent)
    site.visit(headers={"DNT": "1", "Sec-GPC": "1"})
    assert [("1", "1")] == asked


def test_a_reader_takes_the_framework_s_own_request(make_site):
    """A callable of the application's own may ask a reader with what it was given."""
    site = make_site({"/": seen}, consent=lambda request: onetrust(request))  # noqa: PLW0108
    site.visit(cookie=f"ajs_anonymous_id={ANONYMOUS}; OptanonConsent={OPTANON}")
    assert len(site.events.messages) == 2
    for message in site.events.messages:
        assert {
            "categoryPreferences": {"C0001": True, "C0002": True, "C0004": False}
        } == message["context"]["consent"]


@pytest.mark.parametrize(
    ("groups", "mints"), [("C0001:1,C0002:0", False), ("C0001:1,C0002:1", True)]
)
def test_what_is_necessary_is_no_consent_to_an_id(make_site, groups, mints):
    """No id is minted for a visitor who refused all that can be refused."""
    site = make_site({"/": seen}, consent=onetrust, anonymous_cookie=True)
    answer = site.visit(cookie=f"OptanonConsent=groups={groups}")
    cookies = [one for one in answer.all("set-cookie") if "ajs_anonymous_id" in one]
    assert mints == bool(cookies)
