"""The fields of a message: ids, times, names, mappings."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import re
import subprocess
import sys
import time
import uuid

import pytest
from django.utils.functional import SimpleLazyObject, lazystr
from django.utils.safestring import SafeString
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.local import LocalProxy

from segment_integrations.core import events
from segment_integrations.errors import InvalidEvent

WIRE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NEW_YORK = dt.timezone(dt.timedelta(hours=-5))


@pytest.fixture
def in_new_york(monkeypatch):
    """Local time is New York's."""
    monkeypatch.setenv("TZ", "EST5EDT")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_message_ids_are_random_uuids():
    """A new id is a version 4 UUID, each another one."""
    ids = [events.new_message_id() for _ in range(1_000)]
    assert len(set(ids)) == 1_000
    for one in ids:
        parsed = uuid.UUID(one)
        assert str(parsed) == one
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)


@pytest.mark.parametrize("value", ["a", "x" * 99])
def test_an_own_message_id(value):
    """An own id under 100 characters is taken."""
    assert value == events.message_id(value)


@pytest.mark.parametrize("value", ["", "x" * 100, 7, b"a"])
def test_a_wrong_message_id(value):
    """Anything else is no id."""
    with pytest.raises(InvalidEvent, match=r"^message_id must be"):
        events.message_id(value)


class ObjectId:
    """As the id of a database that has a type of its own."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text

    def __repr__(self):
        return f"ObjectId({self.text!r})"


class Shown:
    """An id type with a repr alone."""

    def __repr__(self):
        return "65a1"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ObjectId("65a1"), "65a1"),
        (Shown(), "65a1"),
        (SafeString("u-1"), "u-1"),
        (SafeString(""), None),
        (lazystr("u-1"), "u-1"),
        (SimpleLazyObject(lambda: "u-1"), "u-1"),
        (SimpleLazyObject(lambda: 7), "7"),
        (LocalProxy(lambda: "u-1"), "u-1"),
        (LocalProxy(lambda: ObjectId("65a1")), "65a1"),
        ("u-1", "u-1"),
        (7, "7"),
        (0, "0"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (None, None),
        ("", None),
        (" ", " "),
    ],
)
def test_identifier(value, expected):
    """Ids become texts; None and the empty text are "not known"."""
    assert expected == events.identifier(value, "user_id")


class Hostile:
    def __str__(self):
        raise RuntimeError("ada@example.com")


@pytest.mark.parametrize("value", [True, 1.5, b"a", {}, [], (), set(), 1j, Hostile()])
def test_an_identifier_that_is_none(value):
    """What is no id is refused with its type, not its value."""
    with pytest.raises(InvalidEvent) as caught:
        events.identifier(value, "user_id")
    assert caught.value.field == "user_id"
    assert type(value).__name__ in caught.value.reason
    assert "ada" not in str(caught.value)


class Bare:
    """A class of an application, without a text of its own."""


class Owner:
    def __repr__(self):
        return "Owner(ada@example.com)"

    def get_id(self):
        """Here the call was forgotten."""


async def load():
    """Here the await was forgotten."""


async def load_all():
    yield "ada@example.com"


class Pending:
    def __await__(self):
        yield

    def __repr__(self):
        return "Pending(ada@example.com)"


NO_TEXT = {
    "object": object,
    "own class": Bare,
    "method": lambda: Owner().get_id,
    "builtin method": lambda: "ada@example.com".upper,
    "partial": lambda: functools.partial(print, "ada@example.com"),
    "function": lambda: load,
    "type": lambda: Owner,
    "exception": lambda: ValueError("ada@example.com"),
    "coroutine": load,
    "async generator": load_all,
    "awaitable": Pending,
    "future": lambda: asyncio.Future(loop=LOOP),
    "generator": lambda: (one for one in ["ada@example.com"]),
    "proxy of an object": lambda: SimpleLazyObject(Bare),
    "proxy of a method": lambda: LocalProxy(lambda: Owner().get_id),
}

LOOP = asyncio.new_event_loop()
LOOP.close()


@pytest.mark.parametrize("name", NO_TEXT)
def test_a_text_that_python_made_is_no_identifier(name):
    """A forgotten call or await is refused: its text has an address, or a person."""
    value = NO_TEXT[name]()
    with pytest.raises(InvalidEvent) as caught:
        events.identifier(value, "user_id")
    if name == "coroutine":
        value.close()
    assert type(value).__name__ in caught.value.reason
    assert "ada" not in str(caught.value)
    assert " at 0x" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-02T12:00:00Z", "2026-01-02T12:00:00.000Z"),
        ("2026-01-02T12:00:00.123456+02:00", "2026-01-02T10:00:00.123Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        (1.5, "1970-01-01T00:00:01.500Z"),
        (-1, "1969-12-31T23:59:59.000Z"),
        (
            dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC),
            "2026-01-02T12:00:00.000Z",
        ),
        (
            dt.datetime(2026, 1, 2, 12, 0, 0, 999_999, tzinfo=NEW_YORK),
            "2026-01-02T17:00:00.999Z",
        ),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_case_21_timestamp(value, expected, strict):
    """An aware datetime, an ISO 8601 text or Unix seconds becomes UTC with a Z."""
    assert expected == events.timestamp(value, strict=strict)


@pytest.mark.usefixtures("in_new_york")
@pytest.mark.parametrize("moment", ["2026-01-02T12:00:00", "2031-01-02T12:00:00"])
def test_case_21_a_naive_timestamp_is_local_time(moment):
    """A naive datetime or text is local time, whatever its value."""
    expected = moment.replace("T12", "T17") + ".000Z"
    naive = dt.datetime.fromisoformat(moment)
    assert expected == events.timestamp(naive, strict=False)
    assert expected == events.timestamp(moment, strict=False)


@pytest.mark.parametrize(
    "value",
    ["2026-01-02T12:00:00", dt.datetime(2026, 1, 2)],  # noqa: DTZ001
)
def test_case_21_strict_refuses_a_naive_timestamp(value):
    """In strict mode a time without a zone is an error."""
    with pytest.raises(InvalidEvent, match=r"^timestamp has no time zone"):
        events.timestamp(value, strict=True)


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "",
        True,
        b"2026",
        {},
        dt.date(2026, 1, 2),
        float("nan"),
        float("inf"),
        1e18,
        dt.datetime.max.replace(tzinfo=NEW_YORK),
    ],
    ids=str,
)
def test_a_timestamp_that_is_none(value):
    """Anything else is refused."""
    with pytest.raises(InvalidEvent, match=r"^timestamp "):
        events.timestamp(value, strict=False)


@given(st.floats(-1e9, 4e9))
def test_wire_time_is_right_to_the_millisecond(seconds):
    """The text on the wire is the moment, cut to milliseconds."""
    text = events.wire_time(seconds)
    assert WIRE.fullmatch(text)
    back = dt.datetime.fromisoformat(text).timestamp()
    assert -1e-6 <= seconds - back < 0.001 + 1e-6


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_case_21_an_aware_datetime_is_kept(moment):
    """Every aware datetime arrives as the same moment."""
    text = events.timestamp(moment, strict=True)
    assert WIRE.fullmatch(text)
    assert moment - dt.datetime.fromisoformat(text) < dt.timedelta(milliseconds=1)


def test_the_first_second_of_all():
    """A moment in the first second of 1970 has its date, even as the first call."""
    code = "from segment_integrations.core.events import wire_time; print(wire_time(0))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1970-01-01T00:00:00.000Z"


def test_now_is_the_present():
    """`now` is on the wire's form, and does not go back."""
    first = events.now()
    assert WIRE.fullmatch(first)
    assert first <= events.now()


@pytest.mark.parametrize("value", ["", "  ", 7, None, b"x"])
def test_a_name_that_is_none(value):
    """A name is a text that is not empty."""
    with pytest.raises(InvalidEvent, match=r"^event must be a text"):
        events.name(value, "event")


def test_names_and_mappings():
    """Names and mappings are taken as they are; a mapping as a copy."""
    assert events.name("Order Completed", "event") == "Order Completed"
    assert events.optional_name(None, "name") is None
    given = {"a": 1}
    taken = events.mapping(given, "traits")
    assert taken == given
    assert taken is not given
    assert events.mapping(None, "traits") == {}
    with pytest.raises(InvalidEvent, match="traits must be a mapping, got list"):
        events.mapping([("a", 1)], "traits")


@pytest.mark.parametrize(
    ("base", "given", "expected"),
    [
        (None, None, {}),
        ({"a": 1}, None, {"a": 1}),
        ({"a": 1}, {"a": 2, "b": 3}, {"a": 2, "b": 3}),
        ({"p": {"a": 1, "b": 1}}, {"p": {"b": 2}}, {"p": {"a": 1, "b": 2}}),
        ({"p": 1}, {"p": {"b": 2}}, {"p": {"b": 2}}),
        ({"p": {"a": 1}}, {"p": None}, {"p": None}),
    ],
)
def test_merged(base, given, expected):
    """The given wins; mappings are joined; nothing that was given is changed."""
    before = repr((base, given))
    assert expected == events.merged(base, given)
    assert before == repr((base, given))
