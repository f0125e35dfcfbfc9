"""Typed events: how classes are declared, and what they say of themselves."""

from __future__ import annotations

import copy
import pickle

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from segment_integrations import ConfigurationError, Event, Traits, View
from segment_integrations.core.event import titled


class CheckoutStarted(Event, name="Checkout Started"):
    """A customer began to check out."""

    cart_value: float
    item_count: int = 1
    note: str | UnsetType = UNSET


def test_a_class_knows_what_it_was_declared_as():
    """The keywords of a class stand in one object, which can't be changed."""

    class OrderPlaced(
        Event,
        name="Order Completed",
        version=3,
        labels={"owner": "growth"},
        facts={"additionalProperties": False},
        message={"required": ["context"]},
    ):
        order_id: str

    said = OrderPlaced.__segment__
    assert (said.call, said.name, said.version) == ("track", "Order Completed", 3)
    assert dict(said.labels) == {"owner": "growth"}
    assert dict(said.facts) == {"additionalProperties": False}
    assert dict(said.message) == {"required": ["context"]}
    with pytest.raises(AttributeError):
        said.name = "Other"
    with pytest.raises(TypeError):
        said.labels["owner"] = "other"


def test_the_three_kinds_of_classes():
    """Traits and views are for the call that they name; a subclass keeps it."""

    class UserTraits(Traits, call="identify"):
        email: str

    class AdminTraits(UserTraits):
        rights: int

    class ProductPage(View, call="page", name="Product"):
        sku: str

    class AnyScreen(View, call="screen"):
        pass

    found = [
        (kind.__segment__.call, kind.__segment__.name)
        for kind in (UserTraits, AdminTraits, ProductPage, AnyScreen)
    ]
    assert found == [
        ("identify", ""),
        ("identify", ""),
        ("page", "Product"),
        ("screen", ""),
    ]
    assert AdminTraits.__struct_fields__ == ("email", "rights")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CheckoutStarted", "Checkout Started"),
        ("HTTPRequestSent", "HTTP Request Sent"),
        ("Seen", "Seen"),
        ("order_completed", "Order Completed"),
        ("Step2Seen", "Step2 Seen"),
    ],
)
def test_a_name_is_made_of_the_class_s(name, expected):
    """Without a name, the event has the class's own, split into words."""
    assert expected == titled(name)
    made = type(Event)(name, (Event,), {})
    assert expected == made.__segment__.name


def test_fields_are_given_by_keyword_only():
    """A required field may stand behind one with a default, and none has a place."""
    with pytest.raises(TypeError):
        CheckoutStarted(1.0)
    with pytest.raises(TypeError):
        CheckoutStarted()

    class Mixed(Event):
        first: int = 1
        second: int

    assert Mixed(second=2).first == 1


def test_the_keywords_of_structs_pass_through():
    """The keywords of `msgspec.Struct` have their meaning."""

    class PlanUpgraded(Event, rename="camel", frozen=True, omit_defaults=True):
        from_plan: str
        seats: int = 1

    event = PlanUpgraded(from_plan="free")
    assert msgspec.to_builtins(event) == {"fromPlan": "free"}
    assert hash(event) == hash(PlanUpgraded(from_plan="free"))
    with pytest.raises(AttributeError):
        event.seats = 2


def test_a_repr_shows_no_value():
    """A repr, also Rich's, names the fields that are set, and no value."""
    event = CheckoutStarted(cart_value=12345.5)
    assert repr(event) == "CheckoutStarted(cart_value=…, item_count=…)"
    assert f"{event}" == repr(event)
    shown = list(event.__rich_repr__())
    assert [name for name, _ in shown] == ["cart_value", "item_count"]
    assert "12345.5" not in repr(shown)


def test_instances_are_values():
    """Instances are compared, copied and pickled as other structs are."""
    event = CheckoutStarted(cart_value=1.0)
    assert event == CheckoutStarted(cart_value=1.0)
    assert event == copy.deepcopy(event)
    assert event == pickle.loads(pickle.dumps(event))


@pytest.mark.parametrize(
    ("base", "keywords", "text"),
    [
        (Event, {"name": " "}, "class Wrong: name is empty"),
        (Event, {"name": 3}, "class Wrong: name must be a text, got int"),
        (Event, {"version": 0}, "class Wrong: version must be 1 or more, got 0"),
        (Event, {"version": "2"}, "version must be a whole number, got str"),
        (Event, {"version": True}, "version must be a whole number, got bool"),
        (Event, {"call": "page"}, "call must be 'track', got 'page'"),
        (Traits, {}, "call must be 'identify' or 'group', none was given"),
        (Traits, {"call": "track"}, "'identify' or 'group', got 'track'"),
        (Traits, {"call": "group", "name": "X"}, "group calls have no name"),
        (View, {"call": "group"}, "call must be 'page' or 'screen', got 'group'"),
        (Event, {"labels": {"a": 1}}, "labels must be texts by name, got int"),
        (Event, {"labels": ["a"]}, "labels must be a mapping by text, got list"),
        (Event, {"facts": "x"}, "facts must be a mapping by text, got str"),
        (Event, {"message": {1: 2}}, "message must be a mapping by text, got dict"),
        (Event, {"array_like": True}, "array_like makes no mapping"),
        (Event, {"nonsense": 1}, "'nonsense'"),  # the rest is Python's
    ],
)
def test_a_wrong_class_fails_where_it_is_written(base, keywords, text):
    """A wrong keyword is an error that names the class and what to do."""
    with pytest.raises(ConfigurationError) as caught:
        type(base)("Wrong", (base,), {}, **keywords)
    assert str(caught.value).startswith("class Wrong: ")
    assert text in str(caught.value)


def test_a_class_is_of_one_kind():
    """A class can't be an event and traits at once."""
    with pytest.raises(ConfigurationError, match="one of Event, Traits and View"):
        type(Event)("Wrong", (Event, Traits), {})


def test_two_classes_may_have_one_name():
    """A name twice is no error where the classes are written."""

    class Again(Event, name="Checkout Started", version=2):
        pass

    assert Again.__segment__.name == CheckoutStarted.__segment__.name
