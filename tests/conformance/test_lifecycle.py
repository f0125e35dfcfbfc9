"""Sign-up, sign-in, sign-out and accounts, by calls of the application's own."""

from __future__ import annotations

import pytest
from neutral import ANONYMOUS, Reply

from segment_integrations import group, identify, page, screen, track, tracks
from segment_integrations.auth import signed_in, signed_out, signed_up


def sends(*calls):
    def view(_):
        for call in calls:
            call()
        return Reply()

    return view


def labels(site):
    return [one.get("event") or one["type"] for one in site.events.messages]


def test_a_sign_up_is_one_identify_and_one_event(make_site):
    """`signed_up` joins the visitor to the user; the sign-in in it is no second one."""
    site = make_site(
        {
            "/": sends(
                lambda: signed_up("u-1", {"plan": "pro"}, {"type": "invited"}),
                lambda: signed_in("u-1"),
                lambda: identify("u-1", {"plan": "pro"}),
            )
        },
        auth_events=True,
    )
    site.visit()
    assert ["identify", "Signed Up", "page"] == labels(site)
    for message in site.events.messages:
        assert ("u-1", ANONYMOUS) == (message["userId"], message["anonymousId"])
    assert {"plan": "pro"} == site.events.identifies[0]["traits"]
    assert {"type": "invited"} == site.events.tracks[0]["properties"]


def test_a_sign_in_and_a_sign_out_are_one_event_each(make_site):
    """`Signed Out` carries the old user, and what comes after it carries none."""
    site = make_site(
        {
            "/in": sends(lambda: signed_in("u-1"), lambda: signed_in("u-1")),
            "/out": sends(
                lambda: signed_in("u-1"),
                lambda: signed_out({"username": "ada"}),
                signed_out,
                lambda: track("After"),
            ),
        },
        auth_events=True,
    )
    site.visit("/in")
    assert ["identify", "Signed In", "page"] == labels(site)
    site.events.clear()
    site.visit("/out")
    assert ["identify", "Signed In", "Signed Out", "After", "page"] == labels(site)
    left, *after = site.events.messages[2:]
    assert ("u-1", ANONYMOUS) == (left["userId"], left["anonymousId"])
    assert {"username": "ada"} == left["properties"]
    assert [None, None] == [one.get("userId") for one in after]


def test_without_the_setting_there_is_the_identify_alone(make_site):
    """By default the application names its events itself."""
    site = make_site(
        {"/": sends(lambda: signed_up("u-1"), lambda: signed_in("u-1"), signed_out)}
    )
    site.visit()
    assert ["identify", "page"] == labels(site)
    assert "userId" not in site.events.pages[0]


def test_another_user_does_not_inherit_the_visitor_s_history(make_site):
    """Who signs in over somebody else is not joined to that visitor."""
    site = make_site(
        {"/": sends(lambda: signed_in("u-1"), lambda: signed_in("u-2"))},
        auth_events=True,
    )
    site.visit()
    first, second = site.events.identifies
    assert ("u-1", ANONYMOUS) == (first["userId"], first["anonymousId"])
    assert "u-2" == second["userId"]
    assert "anonymousId" not in second
    assert ["u-1", "u-2"] == [one["userId"] for one in site.events.tracks]


@pytest.mark.parametrize("wrong", [None, "", {"id": 1}], ids=repr)
def test_what_is_no_id_is_refused(make_site, wrong, log):
    """A user id that is none is counted and never reaches the response."""
    site = make_site({"/": sends(lambda: signed_up(wrong))}, auth_events=True)
    assert 200 == site.visit().status
    assert ["page"] == labels(site)
    assert {"invalid": 1} == dict(site.analytics.stats().dropped)


def test_an_unchanged_identify_is_sent_once(make_site):
    """The second request of the same user sends no identify."""
    site = make_site({"/": sends(lambda: identify("u-1", {"plan": "pro"}))})
    site.visit()
    site.visit()
    assert ["identify", "page", "page"] == labels(site)
    assert 1 == site.analytics.stats().unchanged


def test_a_group_is_on_every_later_event(make_site):
    """After `group` each event of the request has `context.groupId`, and no other."""
    site = make_site(
        {
            "/": sends(
                lambda: track("Before"),
                lambda: group("g-1"),
                lambda: identify("u-1", {"plan": "pro"}),
                lambda: track("After"),
                lambda: screen("Panel"),
            ),
            "/other": sends(lambda: track("Other")),
            "/explicit": sends(lambda: group("g-2"), lambda: page("Named")),
        }
    )
    site.visit()
    site.visit("/other")
    site.visit("/explicit")
    assert [
        *[("Before", None), ("group", None), ("identify", "g-1")],
        *[("After", "g-1"), ("screen", "g-1"), ("page", "g-1")],
        *[("Other", None), ("page", None)],
        *[("group", None), ("page", "g-2")],
    ] == [
        (label, one["context"].get("groupId"))
        for label, one in zip(labels(site), site.events.messages, strict=True)
    ]


def test_de_8_a_head_request_tracks_nothing(make_site):
    """The handler of GET, asked for HEAD, sends no event of `@tracks`."""

    @tracks("Seen")
    def seen():
        """Work of the handler."""

    view = sends(seen)
    site = make_site({"/": view})
    site.visit("/", method="HEAD")
    assert [] == site.events.messages
    site.visit("/")
    assert ["Seen", "page"] == labels(site)
    site = make_site({"/": view}, methods={"GET", "HEAD"})
    site.visit("/", method="HEAD")
    assert "Seen" in labels(site)
