"""Consent, Global Privacy Control and sampling, on every call of a request."""

from __future__ import annotations

import pytest
from neutral import Reply

from segment_integrations import alias, group, identify, page, screen, track

RETURNED: list[str | None] = []


def six_calls(_):
    """A view that makes each call once."""
    RETURNED[:] = [
        track("Seen"),
        identify("u-1"),
        group("g-1"),
        page("Own"),
        screen("Own"),
        alias("u-1", previous_id="u-0"),
    ]
    return Reply()


@pytest.mark.parametrize("answer", [False, {}, None, 0], ids=repr)
def test_a_no_stops_everything(make_site, answer):
    """Where the visitor said no, or nothing, no call sends anything."""
    site = make_site({"/": six_calls}, consent=lambda _: answer)
    site.visit()
    assert [None] * 6 == RETURNED
    assert [] == site.events.messages
    assert dict(site.analytics.stats().dropped) == {"consent": 6}
    assert {"consent": 1} == site.pages()


def test_categories_are_stamped_on_each_event(make_site):
    """A mapping goes along as the consent context's category preferences."""
    answer = {"analytics": True, "advertising": False}
    site = make_site({"/": six_calls}, consent=lambda _: answer)
    site.visit()
    assert len(site.events.messages) == 6
    for message in site.events.messages:
        assert message["context"]["consent"] == {"categoryPreferences": answer}


def test_a_plain_yes_stamps_nothing(make_site):
    """A plain yes sends the events as they are."""
    site = make_site({"/": six_calls}, consent=lambda _: True)
    site.visit()
    assert len(site.events.messages) == 6
    assert all("consent" not in one["context"] for one in site.events.messages)


def test_the_visitor_is_asked_once_a_request(make_site):
    """However many calls are made, `consent` is called once."""
    asked = []

    def consent(request):
        asked.append(request)
        return True

    site = make_site({"/": six_calls}, consent=consent)
    site.visit()
    assert len(asked) == 1


def test_a_privacy_signal_says_no_to_the_sale(make_site):
    """Sec-GPC: 1 turns the categories that it is about to no, and no others."""
    site = make_site(
        {"/": six_calls},
        consent=lambda _: {"analytics": True, "Advertising": True, "marketing": True},
    )
    site.visit(headers={"Sec-GPC": "1"})
    assert len(site.events.messages) == 6
    assert site.events.messages[0]["context"]["consent"]["categoryPreferences"] == {
        "analytics": True,
        "Advertising": False,
        "marketing": False,
    }


def test_a_privacy_signal_leaves_the_application_s_own_calls(make_site):
    """Without `consent`, Sec-GPC: 1 stops the automatic page, not the calls."""
    site = make_site({"/": lambda _: track("Seen") and Reply()})
    site.visit(headers={"Sec-GPC": "1"})
    assert ["track"] == [one["type"] for one in site.events.messages]
    assert {"gpc": 1} == site.pages()


def test_nobody_is_sampled(make_site):
    """`sample=0.0` sends nothing and counts it."""
    site = make_site({"/": six_calls}, sample=0.0)
    site.visit()
    assert [] == site.events.messages
    assert dict(site.analytics.stats().dropped) == {"sampled_out": 6}


def test_a_visitor_is_sampled_whole_or_not_at_all(make_site):
    """All events of one visitor share the fate, and about half of many are kept."""
    site = make_site({"/": lambda _: (track("Seen"), Reply())[1]}, sample=0.5)
    kept = 0
    for number in range(40):
        site.events.clear()
        site.visit(cookie=f"ajs_anonymous_id=visitor-{number}")
        assert len(site.events.messages) in {0, 2}
        kept += bool(site.events.messages)
    assert 8 <= kept <= 32


def test_switched_off(make_site, log):
    """`enabled=False` sends nothing and says nothing."""
    site = make_site({"/": six_calls}, enabled=False)
    assert site.visit().status == 200
    assert [None] * 6 == RETURNED
    assert [] == site.events.messages
    assert [] == log()
