"""One browser, two people, and whose the anonymous id is where the user changes."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from neutral import ANONYMOUS, HTML, Reply

from segment_integrations import bind, identify, set_user, track

SAYS = {"identify": identify, "set_user": set_user}
VISITOR = f"ajs_anonymous_id={ANONYMOUS}"


def says(call, user):
    """A view that says who is there, and sends an event before and after."""

    def view(_):
        track("Before")
        SAYS[call](user)
        track("After")
        return Reply()

    return view


def signs_in(driver):
    """A view that signs somebody in by the session."""

    def view(request):
        request.session[driver.module.SESSION_KEY] = "admin-1"
        return Reply()

    return view


def ids(messages):
    return [(one.get("userId"), one.get("anonymousId")) for one in messages]


@pytest.mark.parametrize("call", SAYS)
def test_another_user_than_the_session_s_leaves_the_visitor_behind(
    make_site, driver, call
):
    """Events of the second person on a browser do not carry the first one's visitor."""
    site = make_site({"/in": signs_in(driver), "/": says(call, "customer-9")})
    cookies = site.send("/in").cookies()
    site.visit(cookie=f"{cookies}; {VISITOR}")
    before, *after = ids(site.events.messages)
    assert before == ("admin-1", ANONYMOUS)
    assert {("customer-9", None)} == set(after)
    assert {"identify": 3, "set_user": 2}[call] == len(after)


@pytest.mark.parametrize("call", SAYS)
def test_the_session_is_asked_where_no_event_has_asked(make_site, driver, call):
    """The first thing that a view says may be that somebody else is there now."""

    def view(_):
        SAYS[call]("customer-9")
        return Reply()

    site = make_site({"/in": signs_in(driver), "/": view})
    cookies = site.send("/in").cookies()
    site.visit(cookie=f"{cookies}; {VISITOR}")
    assert {("customer-9", None)} == set(ids(site.events.messages))


@pytest.mark.parametrize("call", SAYS)
def test_another_user_than_the_code_s_leaves_the_visitor_behind(make_site, call):
    """So it is where the code named the first person."""

    def view(_):
        set_user("u-1")
        return says(call, "u-2")(_)

    site = make_site({"/": view})
    site.visit()
    before, *after = ids(site.events.messages)
    assert before == ("u-1", ANONYMOUS)
    assert {("u-2", None)} == set(after)


@pytest.mark.parametrize("call", SAYS)
def test_who_signs_in_or_is_named_again_keeps_the_visitor(make_site, call):
    """A visitor's history joins who signs in first, and stays with the same user."""

    def view(_):
        SAYS[call]("u-1")
        return says(call, "u-1")(_)

    site = make_site({"/": view})
    site.visit()
    assert {("u-1", ANONYMOUS)} == set(ids(site.events.messages))


def test_nobody_in_place_of_a_user_keeps_the_visitor(make_site):
    """`set_user(None)` is no second person: the visitor is there without a user."""

    def view(_):
        set_user("u-1")
        set_user(None)
        return Reply()

    site = make_site({"/": view})
    site.visit()
    assert [(None, ANONYMOUS)] == ids(site.events.messages)


def test_an_own_anonymous_id_wins_over_a_switch(make_site):
    """Where the code gives the second person's anonymous id, that is taken."""

    def view(_):
        set_user("u-1")
        set_user("u-2", anonymous_id="anon-2")
        return Reply()

    site = make_site({"/": view})
    site.visit()
    assert [("u-2", "anon-2")] == ids(site.events.messages)


def test_a_user_callable_that_names_the_user_itself(make_site):
    """A `user` callable may call `set_user`: asking it who was there does not go on."""
    asked = []

    def user(_):
        asked.append(1)
        set_user("u-1", traits={"plan": "pro"})
        return "u-1"

    site = make_site(user=user)
    site.visit()
    assert [("u-1", ANONYMOUS)] == ids(site.events.messages)
    assert len(asked) <= 2


# -- an id that is minted ------------------------------------------------------------


def minted(answer):
    """The values that an answer sets for the visitor's cookie."""
    jars = [SimpleCookie(one) for one in answer.all("set-cookie")]
    return [jar["ajs_anonymous_id"].value for jar in jars if "ajs_anonymous_id" in jar]


def test_an_id_minted_inside_bind_is_the_visitor_s(make_site):
    """A block that only adds context does not make a second visitor of the first."""

    def view(_):
        with bind(context={"app": {"name": "shop"}}), bind(group_id="g-1"):
            track("Inside")
        track("After")
        return Reply()

    site = make_site({"/": view}, anonymous_cookie=True)
    (cookie,) = minted(site.visit(cookie=""))
    assert [(None, cookie)] * 3 == ids(site.events.messages)


def test_a_block_with_an_id_of_its_own_keeps_it(make_site):
    """What `bind` was told stays in the block, and the visitor gets another id."""

    def view(_):
        with bind(anonymous_id="anon-of-the-block"):
            track("Inside")
        return Reply()

    site = make_site({"/": view}, anonymous_cookie=True)
    (cookie,) = minted(site.visit(cookie=""))
    inside, page = ids(site.events.messages)
    assert inside == (None, "anon-of-the-block")
    assert page == (None, cookie)


@pytest.mark.parametrize("cookie", ["", VISITOR])
def test_a_block_about_nobody_mints_nothing(make_site, cookie):
    """Where an anonymous id was no id, its block's event does not change the visitor's.

    It is not sent, as it is of nobody.
    """
    json = [("Content-Type", "application/json")]

    def view(_):
        with bind(anonymous_id=["no id"]):
            track("Inside")
        return Reply(headers=json)

    site = make_site({"/": view}, anonymous_cookie=True)
    assert [] == minted(site.visit(cookie=cookie))
    assert [] == site.events.messages


def test_a_sign_in_over_another_inside_bind_stays_there(make_site):
    """The block's second person gets a new id, and the page stays the first one's."""

    def view(_):
        set_user("u-1")
        with bind(context={"app": {"name": "shop"}}):
            set_user("u-2")
            track("Inside")
        return Reply(headers=[HTML])

    site = make_site({"/": view}, anonymous_cookie=True)
    (cookie,) = minted(site.visit())
    assert [("u-2", cookie), ("u-1", ANONYMOUS)] == ids(site.events.messages)
