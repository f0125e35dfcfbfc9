# ruff: noqa: ARG005 - extractors name what they get by their parameters
"""Which properties `tracks` reads, when, and what becomes of odd ones."""

import enum
import logging
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_integrations import Analytics, ConfigurationError, tracks
from segment_integrations.core.plain import NotPlain, plain


def view(order, plan="free", *args, **more):
    """Do something with an order."""
    return SimpleNamespace(total=5, status="new")


def strict_view(order, plan="free"):
    """Take two arguments and no others."""


ORDER = SimpleNamespace(id=7, lines={"first": SimpleNamespace(sku="s")}, note=None)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {}),
        ({"properties": {"a": 1, "b": None}}, {"a": 1}),
        ({"from_args": ["order.id", "plan"]}, {"id": 7, "plan": "free"}),
        ({"from_args": {"order_id": "order.id"}}, {"order_id": 7}),
        ({"from_args": ["order.lines.first.sku"]}, {"sku": "s"}),
        ({"from_args": ["order.note", "order.lines.no.sku", "order.x.y"]}, {}),
        ({"from_args": ["extra", "absent"]}, {"extra": 3}),
        ({"from_args": ["args"]}, {"args": [2]}),
        ({"properties": lambda result: {"t": result.total}}, {"t": 5}),
        ({"properties": lambda plan, result: {"p": plan, **vars(result)}}, None),
        ({"properties": lambda **given: {"n": sorted(given)}}, None),
        ({"properties": lambda *args, order, other=1: {"o": other}}, {"o": 1}),
        ({"properties": lambda: None}, {}),
        ({"properties": {"a": 1}, "from_args": ["plan"]}, {"a": 1, "plan": "free"}),
    ],
)
def test_what_is_named_is_read(options, expected, sent):
    """Paths and functions give the properties; None and what is missing is left out."""
    given = (ORDER, "free", 2) if "args" in options.get("from_args", ()) else (ORDER,)
    tracks("Done", **options)(view)(*given, extra=3)
    if expected is None:
        names = ["args", "extra", "more", "order", "plan"]
        computed = options["properties"](plan="free", result=view(ORDER))
        expected = {"n": names} if "n" in computed else computed
    assert [expected] == sent.properties


def test_a_function_with_kwargs_gets_the_arguments_and_the_result(sent):
    """With ``**bound`` it sees all arguments, and the result where it names it."""

    def compute(result, **bound):
        return {"total": result.total, "plan": bound["plan"]}

    tracks("Done", properties=compute)(view)(ORDER)
    assert [{"total": 5, "plan": "free"}] == sent.properties


def test_values_are_read_when_the_event_is_sent(sent):
    """An id that the body gives to the order is there; at ``"start"`` it is not yet."""

    def save(order):
        order["id"] = 8

    tracks("Saved", from_args=["order.id"])(save)({})
    tracks("Begun", from_args=["order.id"], when="start")(save)({"id": 1})
    assert [{"id": 8}, {"id": 1}] == sent.properties


def test_a_defaultdict_is_not_changed(sent):
    """Looking for a key makes none."""
    order = defaultdict(dict)
    tracks("Done", from_args=["order.id.x"])(view)(order)
    assert {} == order


def test_methods_and_partials_know_their_arguments(sent):
    """``self`` and the arguments of a partial can be named."""

    class Shop:
        name = "corner"

        @tracks("Done", from_args=["self.name", "plan"])
        def sell(self, plan="free"):
            pass

    Shop().sell()
    assert [{"name": "corner", "plan": "free"}] == sent.properties


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"from_args": ["order.id", "plan.id"]}, "'id' is named twice"),
        ({"from_args": ["plan"], "properties": {"plan": 1}}, "'plan' is named twice"),
        ({"from_args": {"success": "plan"}, "when": "always"}, "named twice"),
        ({"properties": {"error_type": "plan"}, "when": "always"}, "named twice"),
        ({"from_args": ["nobody.id"]}, "no parameter of the function; it has order"),
        ({"properties": lambda nobody: {}}, "'nobody', which is no parameter"),
        ({"properties": lambda result: {}, "when": "start"}, "'result', which is no"),
        ({"properties": lambda order, /: {}}, "by its name"),
        ({"properties": 3}, "mapping or a function"),
        ({"properties": dict}, "whose parameters have names"),
        ({"from_args": "order.id"}, "got str"),
        ({"from_args": 3}, "got int"),
        ({"from_args": [""]}, "joined by dots"),
        ({"from_args": ["order..id"]}, "joined by dots"),
        ({"from_args": [3]}, "joined by dots"),
        ({"from_args": {3: "order"}}, "must be a text"),
    ],
)
def test_mistakes_are_told_at_the_decoration(options, text):
    """What can not work is a `ConfigurationError` where it is written."""
    with pytest.raises(ConfigurationError, match=text):
        tracks("Done", **options)(strict_view)


def test_an_async_properties_function_is_refused():
    """Nothing could wait for it."""

    async def compute():
        return {}

    with pytest.raises(ConfigurationError, match="async"):
        tracks("Done", properties=compute)


def test_a_function_without_known_parameters_takes_no_paths():
    """A function made in C may keep its parameters to itself."""
    with pytest.raises(ConfigurationError, match="not known to Python"):
        tracks("Done", from_args=["a"])(min)


def test_de6_an_extractor_that_raises_costs_its_property_only(sent, caplog):
    """DE-6: result unaffected, the event comes without the property, one log line."""

    class Order:
        @property
        def id(self):
            raise RuntimeError("secret")

    def compute(result):
        raise RuntimeError("secret")

    tracked = tracks("Done", from_args=["order.id", "plan"])(view)
    assert 5 == tracked(Order()).total == tracked(Order()).total
    assert [{"plan": "free"}] * 2 == sent.properties
    assert 1 == len(caplog.records)
    assert 5 == tracks("Done", properties=compute)(view)(ORDER).total
    assert {} == sent.properties[-1]
    assert 2 == len(caplog.records)
    assert "secret" not in caplog.text


def test_de6_arguments_that_do_not_bind(sent, caplog):
    """DE-6: a wrapped function that takes other arguments still gives its event."""

    def injected(*args):
        return "ok"

    injected.__wrapped__ = strict_view
    assert "ok" == tracks("Done", from_args=["order.id"])(injected)(1, 2, 3)
    assert [{}] == sent.properties
    assert "binding the arguments" in caplog.text


def test_de6_a_wrong_answer_is_logged(sent, caplog):
    """DE-6: a properties function that gives no mapping gives no properties."""
    tracks("Done", properties=lambda: [1])(view)(ORDER)
    assert [{}] == sent.properties
    assert "TypeError" in caplog.text


def test_a_function_that_needs_the_result_is_skipped_without_one(sent):
    """After an exception only functions that can do without the result are asked."""

    def fail(order):
        raise OSError

    for compute in (lambda result: {"x": 1}, lambda order, result=0: {"y": result}):
        with pytest.raises(OSError):
            tracks("Done", properties=compute, when="always")(fail)(1)
    outcome = {"success": False, "error_type": "OSError"}
    assert [outcome, {"y": 0, **outcome}] == sent.properties


REFUSALS = {
    "disabled": {"enabled": False},
    "sampled out": {"sample": 0.0},
}


@pytest.mark.parametrize("refusal", [*REFUSALS, "closed"])
def test_de9_no_extractor_runs_where_nothing_is_sent(refusal, recorder):
    """DE-9: switched off, sampled out or closed, no extractor is called."""
    asked = []

    def compute(order):
        asked.append(order)

    with Analytics(sink=recorder, **REFUSALS.get(refusal, {})) as analytics:
        if refusal == "closed":
            analytics.close()
        with analytics.bind(user_id=1):
            tracks("Done", properties=compute, from_args=["plan"])(view)(ORDER)
    assert [] == asked == recorder.messages


class Colour(enum.Enum):
    RED = "red"
    DEEP = (1, Decimal("2.5"))


class Promise:
    """As Django's lazy texts are called."""

    def __str__(self):
        return "translated"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, "red"),
        (Colour.DEEP, [1, Decimal("2.5")]),
        (Promise(), "translated"),
        ([Promise(), (1,)], ["translated", [1]]),
        ({"a": {"b": {1}}}, {"a": {"b": [1]}}),
        (UUID(int=1), UUID(int=1)),
        (date(2026, 1, 2), date(2026, 1, 2)),
        (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
    ],
)
def test_values_become_plain(value, expected):
    """Enums, lazy texts and collections become what JSON has a form for."""
    assert expected == plain(value)


def test_plain_values_go_on_the_wire_as_the_calls_write_them(analytics):
    """`tracks` and `track` write the same value the same way."""
    values = {"id": UUID(int=1), "price": Decimal("2.50"), "on": date(2026, 1, 2)}
    bodies = []
    analytics._sink = SimpleNamespace(put=lambda body, message: bodies.append(body))
    with analytics.bind(user_id=1):
        tracks("Done", properties=values)(view)(ORDER)
        analytics.track("Done", values)
    cut = [body[body.index(b'"properties"') :].split(b"}")[0] for body in bodies]
    assert cut[0] == cut[1]
    assert b'"2026-01-02"' in cut[0]


async def later():
    """Be a coroutine that nobody waits for."""


@pytest.mark.parametrize("make", [object, lambda: [[object()]], later, lambda: view])
def test_what_has_no_form_is_left_out_with_one_warning(make, sent, caplog):
    """A value that JSON has no form for is dropped; the warning has no data in it."""
    value = make()
    tracked = tracks("Done", from_args=["order", "plan"])(view)
    tracked(value)
    tracked([object()])
    assert [{"plan": "free"}] * 2 == sent.properties
    assert [logging.WARNING] == [record.levelno for record in caplog.records]
    assert "'order' of 'Done' is left out" in caplog.text


def test_circles_and_giants_are_left_out():
    """A value without an end, or with far too many parts, is none."""
    circle = []
    circle.append(circle)
    with pytest.raises(NotPlain, match="list"):
        plain(circle)
    with pytest.raises(NotPlain, match="large"):
        plain([[0]] * 30_000)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda below: st.lists(below) | st.dictionaries(st.text(), below),
        max_leaves=20,
    )
)
def test_json_is_left_as_it_is(value):
    """What is JSON already is unchanged, and doing it twice changes nothing."""
    assert repr(value) == repr(plain(value)) == repr(plain(plain(value)))
