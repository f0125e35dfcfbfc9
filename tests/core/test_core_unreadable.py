"""Values that can not be read: lazy ones, proxies, hostile classes, huge numbers."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping

import pytest
from django.utils.functional import SimpleLazyObject

from segment_integrations.core.encode import DEPTH_MAX, encode
from segment_integrations.errors import InvalidEvent


class Refusing(Mapping):
    """A mapping that can not be read now."""

    def __getitem__(self, key):
        raise RuntimeError("ada@example.com")

    def __iter__(self):
        return iter("a")

    def __len__(self):
        return 1


class Person:
    def __repr__(self):
        return "<Person: ada@example.com>"

    def name(self):
        """Here the call was forgotten."""


def refuse():
    raise RuntimeError("working outside of request context")


def circle():
    value = {}
    value["self"] = value
    return value


def deep():
    value = {}
    for _ in range(DEPTH_MAX + 1):
        value = {"d": value}
    return value


ODD = {
    "mapping": (Refusing, "<Refusing>"),
    "proxy": (lambda: SimpleLazyObject(refuse), "<SimpleLazyObject>"),
    "int over Python's limit": (lambda: 10**5_000, "<int>"),
    "function": (lambda: refuse, "<function>"),
    "method": (lambda: Person().name, "<method>"),
    "partial": (lambda: functools.partial(print, Person()), "<partial>"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("more", [dict, circle, deep])
def test_a_value_that_can_not_be_read_costs_itself_only(name, more):
    """
    It becomes the name of its type, with no data of it, and its neighbours arrive.

    Also where something beside it needs the guarded copy.
    """
    make, expected = ODD[name]
    body = encode({"a": {"before": 1, "odd": [make()], "after": 2}, "b": more()})
    assert json.loads(body)["a"] == {"before": 1, "odd": [expected], "after": 2}
    assert b"ada@" not in body


def test_an_event_with_an_unreadable_value_arrives(make, sink):
    """The call neither raises nor loses the event or another property."""
    properties = {"user": SimpleLazyObject(refuse), "plan": "pro", "big": 10**5_000}
    assert make().track("Seen", properties, user_id="u-1") is not None
    (message,) = sink.messages
    assert message["properties"] == {
        "user": "<SimpleLazyObject>",
        "plan": "pro",
        "big": "<int>",
    }


class Unbound:
    """As a proxy outside of what it stands for: even its class raises."""

    @property
    def __class__(self):
        raise RuntimeError("ada@example.com")


class Incomparable:
    """As a lazy user under asyncio: it can not even be compared."""

    def __eq__(self, other):
        raise RuntimeError("ada@example.com")

    __hash__ = object.__hash__


def set_somebody(analytics):
    with analytics.bind():
        analytics.set_user(Incomparable())


def bound(analytics):
    with analytics.bind(user_id=Incomparable()):
        pass


CALLS = {
    "previous_id": lambda a: a.alias("u", previous_id=Incomparable()),
    "group_id": lambda a: a.group(Incomparable(), user_id="u"),
    "anonymous_id": lambda a: a.track("X", anonymous_id=Incomparable()),
    "properties": lambda a: a.track("X", Refusing(), user_id="u"),
    "traits": lambda a: a.identify("u", Unbound()),
    "event": lambda a: a.track(Unbound(), user_id="u"),
    "user_id": lambda a: a.identify(Unbound()),
    "context": lambda a: a.track("X", user_id="u", context=Refusing()),
}


@pytest.mark.parametrize("field", CALLS)
def test_an_unreadable_argument_raises_nothing(make, sink, log, field):
    """The call is counted as any that breaks the spec; its error's text is nowhere."""
    analytics = make(strict=False)
    assert CALLS[field](analytics) is None
    assert [] == sink.messages
    assert dict(analytics.stats().dropped) == {"invalid": 1}
    (line,) = log()
    assert field in line
    assert "ada@" not in line


@pytest.mark.parametrize(
    "call",
    [
        set_somebody,
        bound,
        lambda a: a.identify(Incomparable()),
        lambda a: a.alias(Incomparable(), previous_id="u"),
        lambda a: a.identify(SimpleLazyObject(refuse)),
    ],
    ids=["set_user", "bind", "identify", "alias", "lazy user"],
)
def test_an_id_that_can_not_be_compared_raises_nothing(make, log, call):
    """A user id that raises in each operation costs its call, and not the request."""
    analytics = make(strict=False)
    assert call(analytics) is None
    assert {"invalid": 1} == dict(analytics.stats().dropped)
    (line,) = log()
    assert "user_id" in line
    assert "ada@" not in line


@pytest.mark.parametrize("field", CALLS)
def test_an_unreadable_argument_in_strict_mode(make, field):
    """In strict mode the call raises `InvalidEvent`, and nothing else."""
    with pytest.raises(InvalidEvent) as caught:
        CALLS[field](make(strict=True))
    assert caught.value.field == field
