"""Typed events on their way: what the calls make of them, with and without `strict`."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Literal

import pytest
from msgspec import UNSET, Meta, Struct, UnsetType, field

import segment_integrations as si
from segment_integrations import Event, InvalidEvent, Traits, View, bind
from segment_integrations.core.event_wire import unfolded

SECRET = "ada@example.com"


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Item(Struct, kw_only=True):
    sku: str
    price: Annotated[float, Meta(ge=0)] = 1.0


class CheckoutStarted(Event, name="Checkout Started"):
    cart_value: float
    item_count: Annotated[int, Meta(ge=1)] = 1
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "EUR"
    plan: Literal["free", "pro"] = "free"
    note: str | UnsetType = UNSET
    items: list[Item] = field(default_factory=list)


class Grade(enum.IntEnum):
    A = 1


class GradesGiven(Event):
    by_year: dict[int, int]
    by_weight: dict[float, int] = field(default_factory=dict)
    by_grade: dict[Grade, int] = field(default_factory=dict)


class PlanUpgraded(Event, rename="camel", omit_defaults=True, version=2):
    from_plan: str
    seats: int = 1
    odd: int | UnsetType = field(default=UNSET, name="$odd")


class UserTraits(Traits, call="identify"):
    email: str


class CompanyTraits(Traits, call="group", version=3):
    name: str


class ProductPage(View, call="page", name="Product"):
    sku: str


class AnyScreen(View, call="screen"):
    depth: int


@pytest.fixture
def strict(make):
    return make(strict=True)


def test_an_event_is_its_name_and_its_properties(analytics, sink):
    """The wire has the class's name and the fields in their order, without UNSET."""
    assert analytics.track(CheckoutStarted(cart_value=10), user_id="u")
    (message,) = sink.messages
    assert message["event"] == "Checkout Started"
    assert list(message["properties"].items()) == [
        ("cart_value", 10),
        ("item_count", 1),
        ("currency", "EUR"),
        ("plan", "free"),
        ("items", []),
    ]
    assert "protocols" not in message["context"]


def test_names_on_the_wire_and_the_version(analytics, sink):
    """Renamed fields, left out defaults and the version go as the class says."""
    analytics.track(PlanUpgraded(from_plan="free", odd=3), user_id="u")
    (message,) = sink.messages
    assert message["properties"] == {"fromPlan": "free", "$odd": 3}
    assert message["context"]["protocols"] == {"event_version": 2}


def test_the_version_joins_the_call_s_context(analytics, sink):
    """What the caller gives as context stays beside the version, and unchanged."""
    context = {"ip": "203.0.113.7", "protocols": {"sourceId": "s"}}
    analytics.track(PlanUpgraded(from_plan="a"), user_id="u", context=context)
    (message,) = sink.messages
    assert message["context"]["ip"] == "203.0.113.7"
    assert message["context"]["protocols"] == {"sourceId": "s", "event_version": 2}
    assert context["protocols"] == {"sourceId": "s"}


def test_nested_values_go_as_msgspec_writes_them(analytics, sink):
    """Objects, enums, dates and decimals in an event are JSON on the wire."""

    class Everything(Event):
        item: Item
        size: Size
        day: date
        at: datetime
        price: Decimal
        odd: object

    analytics.track(
        Everything(
            item=Item(sku="a"),
            size=Size.LARGE,
            day=date(2026, 1, 2),
            at=datetime(2026, 1, 2, 3, tzinfo=UTC),
            price=Decimal("1.50"),
            odd=object(),
        ),
        user_id="u",
    )
    assert sink.messages[0]["properties"] == {
        "item": {"sku": "a", "price": 1.0},
        "size": "l",
        "day": "2026-01-02",
        "at": "2026-01-02T03:00:00Z",
        "price": "1.50",
        "odd": "<object>",
    }


def test_processors_see_plain_values_of_the_call(make, sink):
    """A processor finds a dict of plain values, which the instance is not part of."""
    seen = []

    def keep(message):
        seen.append(message["properties"])
        return message

    event = CheckoutStarted(cart_value=1, items=[Item(sku="a")])
    make(processors=[keep]).track(event, user_id="u")
    event.items.append(Item(sku="b"))
    assert type(seen[0]) is dict
    assert seen[0]["items"] == [{"sku": "a", "price": 1.0}]
    assert sink.messages[0]["properties"]["items"] == [{"sku": "a", "price": 1.0}]


def test_traits_and_views(analytics, sink):
    """Typed traits and page properties go with their calls, a page with its name."""
    analytics.identify("u", UserTraits(email="e"))
    analytics.group("g", CompanyTraits(name="Acme"), user_id="u")
    analytics.page("Product", ProductPage(sku="a"), user_id="u")
    analytics.page(properties=ProductPage(sku="b"), user_id="u")
    analytics.screen("Start", AnyScreen(depth=3), user_id="u")
    identify, group, page, unnamed, screen = sink.messages
    assert identify["traits"] == {"email": "e"}
    assert group["traits"] == {"name": "Acme"}
    assert group["context"]["protocols"] == {"event_version": 3}
    assert (page["name"], page["properties"]) == ("Product", {"sku": "a"})
    assert (unnamed["name"], unnamed["properties"]) == ("Product", {"sku": "b"})
    assert (screen["name"], screen["properties"]) == ("Start", {"depth": 3})


def test_module_level_calls_and_bind(analytics, sink):
    """The calls of the module take typed events, about the user of the block."""
    with bind(user_id="u-7"):
        si.track(CheckoutStarted(cart_value=1))
        si.identify(traits=UserTraits(email="e"))
        si.group("g", CompanyTraits(name="Acme"))
        si.page(properties=ProductPage(sku="a"))
        si.screen(properties=AnyScreen(depth=1))
    assert [message["userId"] for message in sink.messages] == ["u-7"] * 5


WRONG_CALLS = [
    (
        lambda to: to.track(CheckoutStarted(cart_value=1), {}, user_id="u"),
        "properties can't be given beside CheckoutStarted, which has its own",
    ),
    (
        lambda to: to.track(UserTraits(email=SECRET), user_id="u"),
        "properties must be for track calls, and UserTraits is for identify",
    ),
    (
        lambda to: to.identify("u", CompanyTraits(name=SECRET)),
        "traits must be for identify calls, and CompanyTraits is for group",
    ),
    (
        lambda to: to.group("g", UserTraits(email=SECRET), user_id="u"),
        "traits must be for group calls, and UserTraits is for identify",
    ),
    (
        lambda to: to.page("Home", ProductPage(sku=SECRET), user_id="u"),
        "name must be 'Product' for ProductPage",
    ),
    (
        lambda to: to.page("Home", AnyScreen(depth=1), user_id="u"),
        "properties must be for page calls, and AnyScreen is for screen",
    ),
    (
        lambda to: to.track(Event(), user_id="u"),
        "properties must be of a subclass of Event",
    ),
    (
        lambda to: to.track(CheckoutStarted, user_id="u"),
        "event must be a text that is not empty",
    ),
]


@pytest.mark.parametrize(("call", "text"), WRONG_CALLS)
def test_a_wrong_use_is_counted_or_raised(make, sink, call, text):
    """What can't be sent is counted as invalid, and raised in strict mode."""
    loose = make()
    assert call(loose) is None
    assert loose.stats().dropped == {"invalid": 1}
    with pytest.raises(InvalidEvent) as caught:
        call(make(strict=True))
    assert text in str(caught.value)
    assert sink.messages == []


@pytest.mark.parametrize(
    ("event", "field", "text"),
    [
        ({"cart_value": SECRET}, "cart_value", "must be float, got str"),
        ({"item_count": 0}, "item_count", "must be int >= 1"),
        ({"item_count": 1.5}, "item_count", "must be int, got float"),
        ({"currency": SECRET}, "currency", "must be str matching regex"),
        ({"plan": SECRET}, "plan", "is none of the permitted values"),
        ({"note": None}, "note", "must be str, got null"),
        ({"items": SECRET}, "items", "must be array, got str"),
        ({"items": [Item(sku=3)]}, "items.0.sku", "must be str, got int"),
        ({"items": [{"price": 1}]}, "items.0.sku", "is missing"),
        ({"cart_value": UNSET}, "cart_value", "is missing"),
    ],
)
def test_a_wrong_value_is_named_in_strict_mode_only(make, sink, event, field, text):
    """In strict mode an error names field and type and no value; else it is sent."""
    typed = CheckoutStarted(**{"cart_value": 1.0, **event})
    with pytest.raises(InvalidEvent) as caught:
        make(strict=True).track(typed, user_id="u")
    assert caught.value.field == f"properties.{field}"
    assert text in str(caught.value)
    assert "(CheckoutStarted)" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert sink.messages == []
    assert make().track(typed, user_id="u") is not None


def test_a_key_that_is_a_number_is_no_wrong_value(strict, sink):
    """Keys are texts on the wire, and strict mode takes them for what they were."""
    grades = GradesGiven(by_year={2026: 1}, by_weight={1.5: 2}, by_grade={Grade.A: 3})
    assert strict.track(grades, user_id="u")
    assert sink.messages[0]["properties"] == {
        "by_year": {"2026": 1},
        "by_weight": {"1.5": 2},
        "by_grade": {"1": 3},
    }
    with pytest.raises(InvalidEvent, match=r"by_year.* must be int, got str") as one:
        strict.track(GradesGiven(by_year={SECRET: 1}), user_id="u")
    assert SECRET not in str(one.value)


def test_wrong_forms_are_named_without_their_text(strict):
    """A text that is no date is told of by the form that it lacks."""

    class TrialEnded(Event):
        at: datetime

    with pytest.raises(InvalidEvent, match="at is no RFC3339 encoded datetime") as one:
        strict.track(TrialEnded(at=SECRET), user_id="u")
    assert SECRET not in str(one.value)


def test_a_class_s_own_check_shows_nothing(strict):
    """The text of an error of `__post_init__` may hold a value, and is not shown."""

    class Checked(Event):
        email: str

        def __post_init__(self):
            if self.email == "bad":
                raise ValueError(f"Expected `{SECRET}` here")

    event = Checked(email="good")
    event.email = "bad"
    with pytest.raises(InvalidEvent) as caught:
        strict.track(event, user_id="u")
    assert SECRET not in str(caught.value)


def test_annotations_that_name_nothing_are_told_in_strict_mode(make, sink):
    """A class that can't be checked is an `InvalidEvent` in strict mode, else sent."""

    class Unknown(Event):
        value: Missing  # noqa: F821 - that is the point

    with pytest.raises(InvalidEvent, match="NameError in the annotations of Unknown"):
        make(strict=True).track(Unknown(value=1), user_id="u")
    assert make().track(Unknown(value=1), user_id="u") is not None


def test_a_circle_costs_only_itself(analytics, sink):
    """An event that msgspec can't write is cut off as other properties are."""

    class Looped(Event):
        name: str
        items: list

    items = []
    items.append(items)
    assert analytics.track(Looped(name="n", items=items), user_id="u") is not None
    assert sink.messages[0]["properties"]["name"] == "n"


def test_an_untyped_call_asks_nothing_more(analytics, monkeypatch):
    """A call with a text and a dict never gets to the code of typed events."""

    def fail(*_args, **_kwargs):
        raise AssertionError

    for name in ("is_typed", "unfolded"):
        monkeypatch.setattr(f"segment_integrations.core.calls.{name}", fail)
    monkeypatch.setattr("segment_integrations.core.events.fields_of", fail)
    assert analytics.track("Done", {"a": 1}, user_id="u") is not None


def test_options_are_not_changed():
    """Stamping a version leaves the caller's options as they are."""
    options = {"user_id": "u"}
    facts, stamped = unfolded(
        PlanUpgraded(from_plan="a"), "track", options, strict=False
    )
    assert facts == {"fromPlan": "a"}
    assert options == {"user_id": "u"}
    assert stamped["context"] == {"protocols": {"event_version": 2}}
