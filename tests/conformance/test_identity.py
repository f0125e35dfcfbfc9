"""Who an event is about: the order of the sources, sign-in, sign-out, anonymous ids."""

from __future__ import annotations

import uuid
from http.cookies import SimpleCookie

import pytest
from neutral import ANONYMOUS, HTML, Reply, plain

from segment_integrations import (
    alias,
    bind,
    group,
    identify,
    reset,
    set_user,
    track,
)


def sends(*calls):
    """A view that makes the calls."""

    def view(_):
        for call in calls:
            call()
        return Reply()

    return view


def seen(**ids):
    return lambda: track("Seen", **ids)


# -- the order of the sources -------------------------------------------------------


def by_session(driver):
    def view(request):
        request.session[driver.module.SESSION_KEY] = "by-session"
        return Reply()

    return view


def test_the_session_says_who_is_signed_in(make_site, driver):
    """A session that a login made before names the user, with the anonymous id."""
    site = make_site({"/in": by_session(driver), "/": sends(seen())})
    cookies = site.send("/in").cookies()
    site.visit(cookie=f"{cookies}; ajs_anonymous_id={ANONYMOUS}")
    for message in site.events.messages:
        assert message["userId"] == "by-session"
        assert message["anonymousId"] == ANONYMOUS
    assert len(site.events.messages) == 2


def test_no_session_is_made_by_looking(make_site, driver):
    """A visitor without a session gets none from us, and no user."""
    site = make_site({"/": sends(seen())})
    answer = site.visit()
    assert [] == answer.all("set-cookie")
    assert all("userId" not in one for one in site.events.messages)


def test_a_resolved_user_comes_before_the_session(make_site, driver):
    """A user that the request has loaded is asked before the session is."""

    def view(request):
        driver.module.resolve(request.native, "by-resolving")
        track("Seen")
        return Reply()

    site = make_site({"/in": by_session(driver), "/": view})
    site.visit(cookie=site.send("/in").cookies())
    assert {"by-resolving"} == {one["userId"] for one in site.events.messages}


def test_resolved_alone_never_reads_the_session(make_site, driver):
    """`identity="resolved"` invents no identity out of a session."""
    site = make_site(
        {"/in": by_session(driver), "/": sends(seen())}, identity="resolved"
    )
    cookies = site.send("/in").cookies()
    site.visit(cookie=f"{cookies}; ajs_anonymous_id={ANONYMOUS}")
    assert len(site.events.messages) == 2
    assert all("userId" not in one for one in site.events.messages)


def test_the_user_callable_comes_before_all_that_is_detected(make_site, driver):
    """`user` wins over a resolved user and over the session."""

    def view(request):
        driver.module.resolve(request.native, "by-resolving")
        track("Seen")
        return Reply()

    site = make_site(
        {"/in": by_session(driver), "/": view}, user=lambda _: "by-callable"
    )
    site.visit(cookie=site.send("/in").cookies())
    assert {"by-callable"} == {one["userId"] for one in site.events.messages}


def test_a_user_callable_that_knows_nobody(make_site, driver):
    """None from `user` is "nobody": the session is not asked instead."""
    site = make_site({"/in": by_session(driver), "/": sends(seen())}, user=lambda _: "")
    cookies = site.send("/in").cookies()
    site.visit(cookie=f"{cookies}; ajs_anonymous_id={ANONYMOUS}")
    assert all("userId" not in one for one in site.events.messages)


def test_the_code_comes_before_the_callable(make_site):
    """`set_user` and `bind` win over `user`, and the call's own id over both."""

    def view(_):
        track("Callable")
        set_user("by-code")
        track("Code")
        with bind(user_id="by-block"):
            track("Block")
            track("Argument", user_id="by-argument")
        return Reply()

    site = make_site({"/": view}, user=lambda _: "by-callable")
    site.visit()
    assert {
        "Callable": "by-callable",
        "Code": "by-code",
        "Block": "by-block",
        "Argument": "by-argument",
    } == {one["event"]: one["userId"] for one in site.events.tracks}
    assert site.events.pages[0]["userId"] == "by-code"


def test_somebody_else_s_event_has_no_anonymous_id_of_ours(make_site):
    """An event about another user does not carry this visitor's history."""
    site = make_site({"/": sends(lambda: set_user("u-1"), seen(user_id="u-2"))})
    site.visit()
    (tracked,) = site.events.tracks
    assert tracked["userId"] == "u-2"
    assert "anonymousId" not in tracked


def test_the_callables_get_the_framework_s_request(make_site):
    """`user` and `group` are given a request with the framework's own headers."""
    given = []

    def user(request):
        given.append(request)
        return request.headers["X-Account"]

    site = make_site(user=user, group=lambda request: request.headers["x-account"])
    site.visit(headers={"X-Account": "acme"})
    (page,) = site.events.pages
    assert page["userId"] == "acme"
    assert page["context"]["groupId"] == "acme"
    assert given


# -- sign-in and sign-out in the request --------------------------------------------


def test_a_sign_in_takes_effect_at_once(make_site):
    """`identify` carries both ids, and the events after it carry the user."""
    site = make_site(
        {"/": sends(seen(), lambda: identify("u-1", {"plan": "pro"}), seen())}
    )
    site.visit()
    before, identified, after, page = site.events.messages
    assert "userId" not in before
    assert (identified["userId"], identified["anonymousId"]) == ("u-1", ANONYMOUS)
    assert identified["traits"] == {"plan": "pro"}
    assert after["userId"] == page["userId"] == "u-1"


def test_set_user_sends_nothing(make_site):
    """`set_user` only changes who the later events are about."""
    given = {"anonymous_id": "anon-9", "group_id": 7, "traits": {"plan": "pro"}}
    site = make_site({"/": sends(lambda: set_user(42, **given))})
    site.visit()
    (page,) = site.events.messages
    assert (page["userId"], page["anonymousId"]) == ("42", "anon-9")
    assert page["context"]["groupId"] == "7"
    assert page["context"]["traits"] == {"plan": "pro"}


def test_a_sign_out_takes_effect_at_once(make_site, driver):
    """After `reset` nothing carries the user, group or traits, whatever the session."""
    site = make_site(
        {
            "/in": by_session(driver),
            "/": sends(
                lambda: set_user("u-1", group_id="g-1", traits={"a": 1}),
                seen(),
                reset,
                lambda: track("After", anonymous_id="abcd-1234"),
            ),
        }
    )
    cookies = site.send("/in").cookies()
    site.visit(cookie=f"{cookies}; ajs_anonymous_id={ANONYMOUS}")
    before, after = site.events.messages
    assert before["userId"] == "u-1"
    assert "userId" not in after
    assert "groupId" not in after["context"]
    assert "traits" not in after["context"]
    assert site.pages()["no_identity"] == 1


def test_a_group_holds_for_the_rest_of_the_request(make_site):
    """`group` sends a group call, and later events carry `context.groupId`."""
    site = make_site({"/": sends(lambda: group("g-1", {"name": "Acme"}), seen())})
    site.visit()
    (grouped,) = site.events.groups
    assert (grouped["groupId"], grouped["traits"]) == ("g-1", {"name": "Acme"})
    assert "groupId" not in grouped["context"]
    assert site.events.tracks[0]["context"]["groupId"] == "g-1"
    site.visit("/", headers={})
    assert "groupId" not in site.events.groups[-1]["context"]


def test_an_alias_starts_from_the_visitor(make_site):
    """`alias` joins the request's anonymous id to the user by default."""
    site = make_site({"/": sends(lambda: alias("u-1"))})
    site.visit()
    aliased = site.events.messages[0]
    assert (aliased["userId"], aliased["previousId"]) == ("u-1", ANONYMOUS)


# -- the anonymous id's cookie -------------------------------------------------------


@pytest.mark.parametrize(
    "value", [ANONYMOUS, f'"{ANONYMOUS}"', f"%22{ANONYMOUS}%22"], ids="abc"
)
def test_the_three_forms_of_the_cookie(make_site, value):
    """The browser library's id is read bare, in quotes and percent-encoded."""
    site = make_site()
    site.visit(cookie=f"a=1; ajs_anonymous_id={value}; b=2")
    assert site.events.pages[0]["anonymousId"] == ANONYMOUS


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-",
        "null",
        "undefined",
        "%22",
        '"a',
        "%22%22",
        "%5B1234%5D",
        "<script>",
        "a b c d",
        "a%00bcd",
        "abcd%0d%0aSet-Cookie",
        "x" * 129,
        "%22" + "x" * 1000 + "%22",
        "%F0%9F%91%BB%F0%9F%91%BB",
    ],
    ids=range(15),
)
def test_junk_in_the_cookie_is_nobody(make_site, value):
    """What can not be the browser library's id is taken for no id."""
    site = make_site()
    site.visit(cookie=f"ajs_anonymous_id={value}")
    assert [] == site.events.messages
    assert {"no_identity": 1} == site.pages()


@pytest.mark.parametrize("value", ["7", "a-1", "x" * 128], ids=len)
def test_short_and_long_ids_are_taken(make_site, value):
    """An application may give ids of its own, of any length up to the cap."""
    site = make_site()
    site.visit(cookie=f"ajs_anonymous_id={value}")
    assert site.events.pages[0]["anonymousId"] == value


def test_without_an_identity_nothing_is_sent(make_site, log):
    """No id at all: the calls return None, are counted, and are logged once."""
    returned = []
    site = make_site({"/": sends(*[lambda: returned.append(track("Seen"))] * 3)})
    site.visit(cookie="")
    assert [None] * 3 == returned
    assert [] == site.events.messages
    assert dict(site.analytics.stats().dropped) == {"no_identity": 3}
    (line,) = log()
    assert "no user or anonymous id is known" in line


# -- an id of our own: `anonymous_cookie` --------------------------------------------


def minted(answer):
    """The cookie that an answer sets, or None."""
    jar = SimpleCookie()
    for one in answer.all("set-cookie"):
        jar.load(one)
    return jar.get("ajs_anonymous_id")


def test_an_id_is_minted_once(make_site):
    """The first page of a visitor mints an id, which the second one has."""
    site = make_site({"/": sends(seen())}, anonymous_cookie=True)
    cookie = minted(site.visit(cookie=""))
    assert uuid.UUID(cookie.value).version == 4
    again = site.visit(cookie=f"ajs_anonymous_id={cookie.value}")
    assert minted(again) is None
    assert len(site.events.messages) == 4
    assert {cookie.value} == {one["anonymousId"] for one in site.events.messages}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_minted_cookie_s_attributes(make_site, scheme):
    """The cookie is the browser library's: a year, readable, secure over https."""
    site = make_site(anonymous_cookie=True)
    cookie = minted(site.visit(cookie="", scheme=scheme))
    assert cookie["max-age"] in {"31536000", 31_536_000}
    assert cookie["path"] == "/"
    assert cookie["samesite"] == "Lax"
    assert not cookie["httponly"]
    assert not cookie["domain"]
    assert bool(cookie["secure"]) == (scheme == "https")


def test_an_event_before_the_response_mints(make_site):
    """A track call of an unknown visitor mints the id that the response sets."""
    json = [("Content-Type", "application/json")]
    site = make_site(
        {"/api": lambda _: track("Seen") and Reply(headers=json, body=b"{}")},
        anonymous_cookie=True,
    )
    cookie = minted(site.send("/api"))
    assert cookie.value == site.events.tracks[0]["anonymousId"]


def test_nothing_to_send_mints_nothing(make_site):
    """A response that is no page and has no events sets no cookie."""
    json = [("Content-Type", "application/json")]
    site = make_site({"/api": lambda _: Reply(headers=json)}, anonymous_cookie=True)
    assert minted(site.visit("/api", cookie="")) is None
    assert (
        minted(site.visit("/api", cookie="", headers={"User-Agent": "curl/8"})) is None
    )


@pytest.mark.parametrize(
    "value", ["public, max-age=60", "s-maxage=600", "PUBLIC", "max-age=60"]
)
def test_a_shared_response_sets_no_cookie(make_site, value):
    """What a cache may give to others never carries an id, tracked or not."""
    headers = [HTML, ("Cache-Control", value)]
    site = make_site(
        {
            "/quiet": lambda _: Reply(headers=headers),
            "/loud": lambda _: track("Seen") and Reply(headers=headers),
        },
        anonymous_cookie=True,
    )
    assert minted(site.visit("/quiet", cookie="")) is None
    assert minted(site.visit("/loud", cookie="")) is None


@pytest.mark.parametrize(
    "value", ["private, max-age=60", "max-age=0", "max-age=60, no-store", "no-cache"]
)
def test_a_response_for_one_person_may_set_the_cookie(make_site, value):
    """What no cache gives to others is as good as any page."""
    headers = [HTML, ("Cache-Control", value)]
    site = make_site({"/": lambda _: Reply(headers=headers)}, anonymous_cookie=True)
    assert minted(site.visit("/", cookie="")) is not None


LATER = "Wed, 25 Nov 2099 03:00:00 GMT"


@pytest.mark.parametrize(
    "headers",
    [
        [("Expires", LATER)],
        [("Expires", LATER), ("Cache-Control", "must-revalidate")],
        [("CDN-Cache-Control", "max-age=600")],
        [("Surrogate-Control", "max-age=600"), ("Cache-Control", "no-store")],
    ],
)
def test_a_response_that_only_other_headers_share_sets_no_cookie(make_site, headers):
    """A lifetime by `Expires`, or for a CDN alone, is one too."""
    site = make_site(
        {"/": lambda _: Reply(headers=[HTML, *headers])}, anonymous_cookie=True
    )
    assert minted(site.visit(cookie="")) is None


@pytest.mark.parametrize(
    "headers",
    [
        [("Expires", "0")],
        [("Expires", "-1")],
        [("Expires", "Wed, 21 Oct 2015 07:28:00 GMT")],
        [("Expires", LATER), ("Cache-Control", "private")],
        [("Expires", LATER), ("Cache-Control", "max-age=0")],
        [("CDN-Cache-Control", "no-store")],
    ],
)
def test_a_response_that_no_header_shares_may_set_the_cookie(make_site, headers):
    """What has expired, or is for one person by `Cache-Control`, is shared by none."""
    site = make_site(
        {"/": lambda _: Reply(headers=[HTML, *headers])}, anonymous_cookie=True
    )
    assert minted(site.visit(cookie="")) is not None


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"consent": lambda _: False}, {}),
        ({"consent": lambda _: {}}, {}),
        ({"consent": lambda _: {"analytics": False, "ads": False}}, {}),
        ({}, {"Sec-GPC": "1"}),
    ],
    ids=["no", "empty", "no to each", "gpc"],
)
def test_no_id_is_minted_against_the_visitor_s_will(make_site, settings, sent):
    """Without consent, or with Sec-GPC: 1, no cookie is set."""
    site = make_site(
        {"/": lambda _: (track("Seen"), Reply())[1]}, anonymous_cookie=True, **settings
    )
    assert minted(site.visit(cookie="", headers=sent)) is None
    assert [] == site.events.messages


def test_reset_rotates_the_id(make_site):
    """After `reset` a new anonymous id begins, which the response sets."""
    site = make_site(
        {"/": sends(lambda: set_user("u-1"), seen(), reset, seen())},
        anonymous_cookie=True,
    )
    cookie = minted(site.visit())
    before, after, page = site.events.messages
    assert before["anonymousId"] == ANONYMOUS
    assert cookie.value not in {None, ANONYMOUS}
    assert cookie.value == after["anonymousId"] == page["anonymousId"]
    assert "userId" not in after


def test_another_user_on_the_same_browser_gets_another_id(make_site):
    """Signing in over another user rotates the id; signing in anew does not."""
    site = make_site(
        {
            "/over": sends(lambda: set_user("u-1"), lambda: set_user("u-2"), seen()),
            "/anew": sends(lambda: set_user("u-1"), lambda: set_user("u-1"), seen()),
        },
        anonymous_cookie=True,
    )
    assert minted(site.visit("/over")) is not None
    assert minted(site.visit("/anew")) is None


def test_a_streamed_page_sets_the_cookie(make_site):
    """The cookie travels with the headers of a stream."""
    site = make_site({"/": lambda _: Reply(chunks=[b"a", b"b"])}, anonymous_cookie=True)
    answer = site.visit(cookie="")
    assert answer.body == b"ab"
    assert minted(answer).value == site.events.pages[0]["anonymousId"]


def test_two_visitors_get_two_ids(make_site):
    """Each visitor's id is their own."""
    site = make_site({"/": plain}, anonymous_cookie=True)
    assert minted(site.visit(cookie="")).value != minted(site.visit(cookie="")).value
