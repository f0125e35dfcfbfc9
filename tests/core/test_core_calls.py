"""The six calls: fields, options, what is refused, with and without `strict`."""

from __future__ import annotations

import uuid

import pytest

import segment_integrations as si
from segment_integrations import Analytics, EventTooLarge, InvalidEvent, __version__
from segment_integrations.core.message import EVENT_MAX_BYTES
from segment_integrations.core.request import RequestInfo, ResponseInfo

LIBRARY = {"library": {"name": "segment-integrations", "version": __version__}}
NOON = "2026-01-02T12:00:00.000Z"
COMMON = {"timestamp": NOON, "message_id": "m-1"}


def wire(**fields):
    return {"messageId": "m-1", "timestamp": NOON, "context": LIBRARY, **fields}


def test_track(analytics, sink):
    """A track call has the event's name, its properties and who did it."""
    assert analytics.track("Done", {"a": 1}, user_id=7, **COMMON) == "m-1"
    assert sink.messages == [
        wire(type="track", event="Done", properties={"a": 1}, userId="7")
    ]


def test_identify(analytics, sink):
    """An identify call has traits and both ids."""
    analytics.identify("u-1", {"plan": "pro"}, anonymous_id="a-1", **COMMON)
    assert sink.messages == [
        wire(type="identify", traits={"plan": "pro"}, userId="u-1", anonymousId="a-1")
    ]


def test_group(analytics, sink):
    """A group call has its group's id and traits."""
    analytics.group(uuid.UUID(int=1), {"name": "Acme"}, user_id="u-1", **COMMON)
    assert sink.messages == [
        wire(
            type="group",
            groupId="00000000-0000-0000-0000-000000000001",
            traits={"name": "Acme"},
            userId="u-1",
        )
    ]


@pytest.mark.parametrize("call", ["page", "screen"])
def test_page_and_screen(analytics, sink, call):
    """A page or screen call has a name, a category and properties."""
    getattr(analytics, call)(
        "Pricing", {"title": "Prices"}, category="Shop", user_id="u-1", **COMMON
    )
    (message,) = sink.messages
    assert message["type"] == call
    assert (message["name"], message["category"]) == ("Pricing", "Shop")
    assert message["properties"] == {"title": "Prices", "category": "Shop"}
    page = {"title": "Prices"} if call == "page" else None
    assert page == message["context"].get("page")


@pytest.mark.parametrize("call", ["page", "screen"])
def test_page_and_screen_without_a_name(analytics, sink, call):
    """Name and category may be left out, and are then not sent."""
    getattr(analytics, call)(user_id="u-1")
    (message,) = sink.messages
    assert "name" not in message
    assert "category" not in message


def test_alias(analytics, sink):
    """An alias call joins a previous id to a user, and has no anonymous id."""
    analytics.alias("u-1", previous_id="a-1", **COMMON)
    assert sink.messages == [wire(type="alias", userId="u-1", previousId="a-1")]


def test_context_and_integrations(analytics, sink):
    """Both are laid over what is there; `integrations` is left out when empty."""
    analytics.track(
        "Done",
        user_id="u-1",
        context={"ip": "1.2.3.4", "library": {"name": "x"}},
        integrations={"All": False},
    )
    analytics.track("Done", user_id="u-1", integrations={})
    first, second = sink.messages
    assert first["context"]["ip"] == "1.2.3.4"
    assert first["context"]["library"] == {"name": "x", "version": __version__}
    assert first["integrations"] == {"All": False}
    assert "integrations" not in second


def test_the_defaults_of_a_call(analytics, sink):
    """Without options a call has an id and a time of its own."""
    returned = analytics.track("Done", user_id="u-1")
    (message,) = sink.messages
    assert returned == message["messageId"]
    assert uuid.UUID(returned).version == 4
    assert message["properties"] == {}
    assert message["timestamp"].endswith("Z")


def test_reserved_traits_pass_through(analytics, sink):
    """The spec's reserved traits go as they are given."""
    traits = {"email": "a@b.c", "createdAt": "2026-01-02", "address": {"city": "Bonn"}}
    analytics.identify("u-1", traits)
    assert sink.messages[0]["traits"] == traits


class Hostile:
    def __str__(self):
        raise RuntimeError("ada@example.com")


WRONG = {
    "no name": (lambda a: a.track("", user_id="u"), "event"),
    "a name of a wrong type": (lambda a: a.track(7, user_id="u"), "event"),
    "properties": (lambda a: a.track("X", ["a"], user_id="u"), "properties"),
    "traits": (lambda a: a.identify("u", "pro"), "traits"),
    "a user id": (lambda a: a.track("X", user_id={"id": 1}), "user_id"),
    "a hostile user id": (lambda a: a.track("X", user_id=Hostile()), "user_id"),
    "an identified user": (lambda a: a.identify(1.5), "user_id"),
    "an anonymous id": (lambda a: a.track("X", anonymous_id=b"a"), "anonymous_id"),
    "no group": (lambda a: a.group(None, user_id="u"), "group_id"),
    "a group": (lambda a: a.group([], user_id="u"), "group_id"),
    "no aliased user": (lambda a: a.alias(None, previous_id="a"), "user_id"),
    "no previous id": (lambda a: a.alias("u"), "previous_id"),
    "a page's name": (lambda a: a.page(7, user_id="u"), "name"),
    "a category": (lambda a: a.screen("X", category="", user_id="u"), "category"),
    "a context": (lambda a: a.track("X", user_id="u", context=[]), "context"),
    "integrations": (
        lambda a: a.track("X", user_id="u", integrations="All"),
        "integrations",
    ),
    "a message id": (lambda a: a.track("X", user_id="u", message_id=""), "message_id"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_is_dropped(make, sink, log, name):
    """What breaks the spec is counted and logged once, without its value."""
    analytics = make(strict=False)
    call, field = WRONG[name]
    assert call(analytics) is None
    assert call(analytics) is None
    assert [] == sink.messages
    assert dict(analytics.stats().dropped) == {"invalid": 2}
    (line,) = log()
    assert field in line
    assert "ada" not in line


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_is_raised_in_strict_mode(make, sink, name):
    """In strict mode the call itself raises `InvalidEvent`, which names the field."""
    analytics = make(strict=True)
    call, field = WRONG[name]
    with pytest.raises(InvalidEvent) as caught:
        call(analytics)
    assert caught.value.field == field
    assert [] == sink.messages


def test_strict_raises_what_is_too_large(make):
    """An oversize event is an `EventTooLarge` with both sizes."""
    with pytest.raises(EventTooLarge) as caught:
        make(strict=True).track("X", {"a": "x" * 40_000}, user_id="u")
    assert caught.value.limit_bytes == EVENT_MAX_BYTES
    assert caught.value.size_bytes > 40_000


def test_strict_raises_what_json_can_not_hold(make, sink):
    """A circular value is an error in strict mode only."""
    value: dict = {}
    value["self"] = value
    with pytest.raises(InvalidEvent, match="holds what JSON can not"):
        make(strict=True).track("X", value, user_id="u")
    assert [] == sink.messages


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"consent": lambda _: False},
        {"sample": 0.0},
        {"processors": [lambda _: None]},
        {"processors": [lambda _: 1 / 0]},
        {"user": lambda _: 1 / 0},
        {"user": lambda _: []},
    ],
    ids=["no identity", "consent", "sample", "dropped", "processor", "user", "type"],
)
def test_strict_raises_nothing_else(make, sink, settings):
    """Missing identity, consent, sampling and failing hooks are no errors."""
    analytics = make(strict=True, **settings)
    with analytics.request(RequestInfo()) as context:
        assert analytics.track("X") is None
        context.observe(ResponseInfo(200, {"content-type": "text/html"}))
    assert [] == sink.messages


def test_a_wrong_timestamp_costs_itself_only(make, sink, log):
    """Without strict an unreadable time becomes the call's own, logged once."""
    analytics = make(strict=False)
    assert analytics.track("X", user_id="u", timestamp="yesterday") is not None
    assert analytics.track("X", user_id="u", timestamp=object()) is not None
    assert len(sink.messages) == 2
    (line,) = log()
    assert "the call's own time is used" in line
    with pytest.raises(InvalidEvent):
        make(strict=True).track("X", user_id="u", timestamp="yesterday")


@pytest.mark.parametrize("call", ["track", "identify", "group", "page", "screen"])
def test_an_argument_that_no_call_has(analytics, call):
    """A misspelt argument is the caller's own mistake: a `TypeError`, as ever."""
    with pytest.raises(TypeError, match=rf"^{call}\(\) .*'userid'"):
        getattr(analytics, call)("x", userid="u")


@pytest.mark.parametrize("call", ["track", "identify", "group", "page", "screen"])
def test_switched_off_or_closed(make, sink, call):
    """A closed or disabled `Analytics` takes nothing and raises nothing."""
    off = make(enabled=False)
    assert getattr(off, call)("x") is None
    assert dict(off.stats().dropped) == {}
    closed = make()
    closed.close()
    assert (
        getattr(closed, call)("x", user_id="u") is None
        if call != "identify"
        else (closed.identify("u") is None)
    )
    assert dict(closed.stats().dropped) == {"closed": 1}
    assert [] == sink.messages


def test_the_module_s_calls_use_the_one_around(make, sink):
    """Module-level calls go to the `Analytics` of the block or request around."""
    first, second = make(), make()
    with second.bind(user_id="u-1"):
        si.track("T")
        si.identify(traits={"a": 1})
        si.group("g")
        si.page("P")
        si.screen("S")
        si.alias("u-1", previous_id="a")
        si.set_user("u-2", traits={"b": 2})
        si.track("U")
        assert si.flush()
        si.reset()
        assert si.track("V") is None
    assert [one["type"] for one in sink.messages] == [
        *["track", "identify", "group", "page", "screen", "alias", "track"]
    ]
    assert sink.messages[-1]["userId"] == "u-2"
    assert sink.messages[-1]["context"]["traits"] == {"b": 2}
    assert dict(first.stats().dropped) == {}
    assert dict(second.stats().dropped) == {"no_identity": 1}


def test_set_user_outside_a_request(analytics, log):
    """Without a request or a block there is nothing to set: one warning."""
    analytics.set_user("u-1")
    analytics.set_user("u-1")
    (line,) = log()
    assert "set_user was called outside" in line


@pytest.mark.parametrize("strict", [True, False])
def test_set_user_with_a_wrong_id(make, strict):
    """A wrong id is an error in strict mode, else it changes nothing."""
    analytics = make(strict=strict)
    with analytics.bind(user_id="u-1") as context:
        if strict:
            with pytest.raises(InvalidEvent):
                analytics.set_user([])
        else:
            analytics.set_user([])
        assert context.user_id == "u-1"


def test_a_context_manager_closes():
    """`with Analytics()` is closed at its end."""
    with Analytics("key") as analytics:
        assert not analytics.is_closed
    assert analytics.is_closed
