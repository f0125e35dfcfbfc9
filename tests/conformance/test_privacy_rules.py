"""What of a request never leaves the process: PV-1 to PV-4."""

from __future__ import annotations

import json

import pytest
from neutral import PEER, Reply, plain

from segment_integrations import set_user, track
from segment_integrations.core.message import EVENT_MAX_BYTES

RESET = "/reset/{uidb64}/{token}/"
SECRETS = "/reset/MQ/abc-123/?email=a@b.c&utm_source=x"


def test_pv_1_masks_in_path_url_and_search(make_site):
    """Secrets in path parameters and in the query leave no trace."""
    site = make_site({RESET: plain})
    site.visit(SECRETS)
    (page,) = site.events.pages
    assert page["properties"]["path"] == "/reset/***/***/"
    assert page["properties"]["search"] == "?utm_source=x"
    assert page["properties"]["url"] == "http://testserver/reset/***/***/?utm_source=x"
    for secret in ("a@b.c", "abc-123", "MQ", "email"):
        assert secret not in json.dumps(page)


def test_pv_1_masks_in_a_referrer_of_this_site(make_site):
    """The page after a password reset does not tell the reset's address."""
    site = make_site({RESET: plain, "/done": plain})
    site.visit("/done", {"Referer": f"http://testserver{SECRETS}"})
    (page,) = site.events.pages
    assert (
        page["properties"]["referrer"]
        == "http://testserver/reset/***/***/?utm_source=x"
    )
    assert "abc-123" not in json.dumps(page)


def test_pv_1_masks_a_secret_with_a_quoted_slash(make_site):
    """A secret in the referrer is masked where the router takes %2F for a letter."""
    site = make_site({RESET: plain, "/done": plain})
    site.visit("/done", {"Referer": "http://testserver/reset/MQ/abc%2F123/"})
    (page,) = site.events.pages
    referrer = page["properties"]["referrer"]
    # Where it parts the path no route has such an address, so there is no secret in it.
    assert referrer in {
        "http://testserver/reset/***/***/",
        "http://testserver/reset/MQ/abc%2F123/",
    }
    if site.visit("/reset/MQ/abc%2F123/").status == 200:
        assert "abc" not in referrer


def test_pv_1_another_site_s_referrer_is_only_cleaned(make_site):
    """Of another site's address userinfo, fragment and query are dropped."""
    site = make_site({RESET: plain})
    site.visit(SECRETS, {"Referer": "https://me:pw@other.example/reset/1/2/?q=1#f"})
    (page,) = site.events.pages
    assert page["properties"]["referrer"] == "https://other.example/reset/1/2/"


def test_pv_1_a_track_in_the_view_masks_too(make_site):
    """An event tracked while the secret page is made has the masks as well."""
    site = make_site({RESET: lambda _: track("Reset Opened") and Reply()})
    site.visit(SECRETS)
    (tracked,) = site.events.tracks
    assert tracked["context"]["page"]["path"] == "/reset/***/***/"
    assert "abc-123" not in json.dumps(tracked)


def test_pv_1_own_names_and_parameters(make_site):
    """`redact_path_params` and `search_params` say what is masked and kept."""
    site = make_site(
        {"/o/{order}/{token}": plain},
        redact_path_params=["order"],
        search_params=["ref", "utm_*"],
    )
    site.visit("/o/77/open?ref=a&q=b&utm_medium=c")
    (page,) = site.events.pages
    assert page["properties"]["path"] == "/o/***/open"
    assert page["properties"]["search"] == "?ref=a&utm_medium=c"


FORWARDED = {"X-Forwarded-For": "6.6.6.6, 198.51.100.7"}


@pytest.mark.parametrize(
    ("settings", "peer", "sent", "expected"),
    [
        pytest.param({}, PEER, FORWARDED, PEER, id="nothing is trusted by default"),
        pytest.param({}, PEER, {"Forwarded": "for=6.6.6.6"}, PEER, id="nor Forwarded"),
        pytest.param({}, PEER, {"X-Real-IP": "6.6.6.6"}, PEER, id="nor other headers"),
        pytest.param(
            {"trusted_proxies": 1}, "10.0.0.1", FORWARDED, "198.51.100.7", id="one"
        ),
        pytest.param(
            {"trusted_proxies": 2},
            "10.0.0.1",
            {"X-Forwarded-For": "6.6.6.6, 198.51.100.7, 10.0.0.2"},
            "198.51.100.7",
            id="two",
        ),
        pytest.param(
            {"trusted_proxies": 3},
            "10.0.0.1",
            FORWARDED,
            "6.6.6.6",
            id="more proxies than hops",
        ),
        pytest.param(
            {"trusted_proxies": ["10.0.0.0/8"]},
            "10.0.0.1",
            {"X-Forwarded-For": "6.6.6.6, 198.51.100.7, 10.0.0.2"},
            "198.51.100.7",
            id="networks",
        ),
        pytest.param(
            {"trusted_proxies": ["10.0.0.0/8"]},
            PEER,
            FORWARDED,
            PEER,
            id="a peer outside the networks",
        ),
        pytest.param(
            {"trusted_proxies": 1},
            "10.0.0.1",
            {"Forwarded": 'for=6.6.6.6;proto=http, for="[2001:db8::1]:4711"'},
            "2001:db8::1",
            id="Forwarded with brackets and a port",
        ),
        pytest.param(
            {"trusted_proxies": 1},
            "10.0.0.1",
            {"X-Forwarded-For": "198.51.100.7:55555"},
            "198.51.100.7",
            id="a port",
        ),
        pytest.param(
            {"trusted_proxies": 1},
            "10.0.0.1",
            {"X-Forwarded-For": "[2001:db8::2]:443"},
            "2001:db8::2",
            id="brackets and a port",
        ),
        pytest.param(
            {"trusted_proxies": 1},
            "10.0.0.1",
            {"X-Forwarded-For": "6.6.6.6, unknown"},
            "10.0.0.1",
            id="a hop that is no address",
        ),
        pytest.param(
            {"trusted_proxies": 1},
            "10.0.0.1",
            {"X-Forwarded-For": "6.6.6.6, " * 400 + "198.51.100.7"},
            "198.51.100.7",
            id="a long claim in front",
        ),
        pytest.param(
            {"trusted_proxies": 1},
            "10.0.0.1",
            {"Forwarded": "for=6.6.6.6, " * 300 + "for=198.51.100.7"},
            "198.51.100.7",
            id="a long claim in front, in Forwarded",
        ),
        pytest.param({"ip": "drop"}, PEER, {}, None, id="dropped"),
        pytest.param({"ip": "truncate"}, PEER, {}, "203.0.113.0", id="truncated"),
        pytest.param(
            {"ip": "truncate"}, "2001:db8:1:2::3", {}, "2001:db8:1::", id="truncated v6"
        ),
        pytest.param({}, "2001:db8::9", {}, "2001:db8::9", id="v6"),
        pytest.param({}, "::ffff:192.0.2.1", {}, "192.0.2.1", id="v4 in v6"),
    ],
)
def test_pv_2_the_client_s_address(make_site, settings, peer, sent, expected):
    """Only trusted proxies may name the client, read from the right."""
    site = make_site(**settings)
    site.visit(headers=sent, peer=peer)
    (page,) = site.events.pages
    assert expected == page["context"].get("ip")


@pytest.mark.parametrize(
    "name",
    [
        "X-User-Id",
        "X-Segment-User-Id",
        "X-Posthog-Distinct-Id",
        "X-Forwarded-User",
        "Remote-User",
        "X-Anonymous-Id",
        "userId",
    ],
)
def test_pv_3_no_header_is_an_identity(make_site, name):
    """What a header claims is not who the event is about."""
    site = make_site({"/": lambda _: track("Seen") and Reply()})
    site.visit(headers={name: "victim-1"})
    assert len(site.events.messages) == 2
    assert "victim-1" not in json.dumps(site.events.messages)


def test_pv_3_no_cookie_is_a_user(make_site):
    """The browser library's own cookies never make a `userId` or a group."""
    site = make_site({"/": lambda _: track("Seen") and Reply()})
    site.visit(
        cookie='ajs_user_id=victim-1; ajs_group_id="victim-1"; user_id=victim-1;'
        " ajs_anonymous_id=abcd-1234; session=victim-1; sessionid=victim-1"
    )
    assert len(site.events.messages) == 2
    assert "victim-1" not in json.dumps(site.events.messages)


@pytest.mark.parametrize(
    "query", ["?user_id=victim-1&ajs_uid=victim-1&userId=victim-1", "?ajs_aid=victim-1"]
)
def test_pv_3_no_query_is_an_identity(make_site, query):
    """analytics.js's query string identities are not taken either."""
    site = make_site()
    site.visit(f"/{query}")
    assert "victim-1" not in json.dumps(site.events.messages)


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"Referer": f"https://a.example/{LONG}?utm_source={LONG}"}),
        pytest.param({"User-Agent": f"Mozilla/5.0 {LONG}"}),
        pytest.param({"Cookie": f"ajs_anonymous_id={LONG}"}),
        pytest.param({"Cookie": f"a={LONG}; ajs_anonymous_id=abcd-1234"}),
        pytest.param({"Accept-Language": LONG}),
        pytest.param({"Sec-CH-UA": f'"{LONG}";v="1"', "Sec-CH-UA-Platform": LONG}),
        pytest.param({"X-Forwarded-For": LONG, "Forwarded": LONG}),
    ],
    ids=lambda sent: next(iter(sent)),
)
def test_pv_4_long_claims_are_bounded(make_site, log, sent):
    """100 kB in a header neither fails the request nor fills the event."""

    def view(_):
        set_user("u-1")
        return Reply()

    site = make_site({"/": view}, trusted_proxies=1)
    assert site.visit(headers=sent).status == 200
    (page,) = site.events.pages
    assert len(json.dumps(page)) < EVENT_MAX_BYTES / 4
    assert [] == log()


@pytest.mark.parametrize(
    "sent",
    [
        {"Referer": "http://\xff\xfe/\xff?utm_source=\xff"},
        {"User-Agent": "Mozilla/5.0 \xff\xfe\x80"},
        {"Accept-Language": "\xff\xfe"},
        {"Cookie": 'ajs_anonymous_id="\xff\xfe"; \xff=\xfe'},
        {"Cookie": "ajs_anonymous_id=%ff%fe"},
        {"Sec-CH-UA": '"\xff";v="\xfe"'},
        {"X-Forwarded-For": "\xff", "Forwarded": 'for="\xff'},
    ],
    ids=lambda sent: f"{next(iter(sent))} {len(next(iter(sent.values())))}",
)
def test_pv_4_bytes_that_are_no_utf_8(make_site, log, sent):
    """Invalid bytes cost at most the claim that they are in."""

    def view(_):
        set_user("u-1")
        return Reply()

    site = make_site({"/": view}, trusted_proxies=1)
    assert site.visit(headers=sent).status == 200
    (page,) = site.events.pages
    assert page["userId"] == "u-1"
    assert [] == log()


@pytest.mark.parametrize("path", ["/p/%ff%fe", "/p/a?utm_source=%ff&%ff=%fe", "/p/%00"])
def test_pv_4_an_address_that_is_no_utf_8(make_site, log, path):
    """An address of invalid bytes is a page like any other."""
    site = make_site({"/p/{slug}": plain})
    assert site.visit(path).status == 200
    (page,) = site.events.pages
    assert page["name"] == "/p/{slug}"
    assert "\x00" not in page["properties"]["path"]
    assert [] == log()


def test_pv_4_a_host_that_is_none(make_site, log):
    """A Host header that can stand in no address is left out of the url."""
    site = make_site({"/": lambda _: track("Seen") and Reply()})
    site.visit(headers={"Host": 'evil"><script>'})
    for message in site.events.messages:
        assert "evil" not in json.dumps(message)
    assert [] == log()


def test_pv_1_a_secret_longer_than_the_bound_of_a_path(make_site):
    """A path is masked before it is cut, so that no beginning of a secret is sent."""
    site = make_site({"/l/{token}": plain, "/done": plain})
    site.visit(f"/l/{'s' * 3000}")
    site.visit("/done", {"Referer": f"http://testserver/l/{'s' * 3000}"})
    first, second = site.events.pages
    assert first["properties"]["path"] == "/l/***"
    assert "sss" not in json.dumps([first, second])


def test_pv_1_a_secret_that_the_convertor_writes_otherwise(make_site):
    """What stands in the path is masked, whatever the convertor made of it."""
    site = make_site({"/i/{token:uuid}": plain, "/n/{code:int}": plain, "/": plain})
    for path in (
        "/i/6f2f2cf0-1111-4222-8333-444455556666",
        "/i/6F2F2CF0-1111-4222-8333-444455556666",
        "/i/6f2f2cf0111142228333444455556666",
        "/n/00077",
    ):
        site.events.clear()
        if site.visit(path).status != 200:
            continue  # not all routers take every form
        site.visit("/", {"Referer": f"http://testserver{path}"})
        first, second = site.events.pages
        assert first["properties"]["path"] == f"{path[:3]}***"
        assert second["properties"]["referrer"] == f"http://testserver{path[:3]}***"
