"""
One rule of a plan, compiled: whether a message is fine, and if not, what is wrong.

Each part of a message that the schema speaks of has its own validator where the parts
stand for themselves, so that nothing else is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from segment_integrations.core.encode import encode
from segment_integrations.plan.checking.engine import Validator, compiled
from segment_integrations.plan.checking.names import Planned
from segment_integrations.plan.checking.spots import NOTES, SAFE, Spots, spots_of
from segment_integrations.plan.checking.words import violations
from segment_integrations.plan.loading.walk import Schema, walk
from segment_integrations.plan.rules import Rule
from segment_integrations.plan.violations import Violation

UNPLANNABLE: Final[Mapping[str, str]] = {
    "track": "properties",
    "identify": "traits",
    "group": "traits",
}
"""The calls whose unplanned facts Protocols can omit, and where these are."""

_decode: Final = msgspec.json.Decoder().decode
_PLAIN_ROOT: Final = NOTES | {"type", "properties", "required"}

_Test = Callable[[Any], bool]
_Part = tuple[str, _Test, Spots | None]


class Compiled:
    """
    One rule, ready to check messages.

    Args:
        rule: The rule.
        common: The schema of all messages, which plans names as well.
    """

    def __init__(self, rule: Rule, common: Schema | None) -> None:
        self.schema = schema = rule.schema
        self._names_in = UNPLANNABLE.get(rule.type.lower(), "")
        self.planned = Planned(
            [schema] if common is None else [schema, common], self._names_in
        )
        self._whole: Validator | None = None
        self._needed: tuple[str, ...] = ()
        self._parts = self._compile()

    def takes(self, message: Mapping[str, Any]) -> bool:
        """
        Whether *message* surely satisfies the schema.

        False also where that is not sure, as a value may have another form on the wire.
        """
        for name in self._needed:
            if name not in message:
                return False
        try:
            for name, is_valid, spots in self._parts:
                if not name:
                    return is_valid(wire_form(message))
                facts = message.get(name, self)
                if facts is not self and not _fits(facts, is_valid, spots):
                    return False
        except (ValueError, TypeError, RecursionError):
            return False  # a value that is no JSON as it stands
        return True

    def quick(self, common: Compiled | None) -> _Test | None:
        """
        One function that says of most messages that are as planned that they are.

        In one go, as each call inside of it would cost a fair part of it. Where it says
        False nothing is known yet, and it may raise; None where the rule is not plain.
        """
        place = self._names_in
        parts = {name: spots for name, _, spots in self._parts}
        spots = parts.pop(place, None)
        if spots is None:
            return None
        return _quick(
            place,
            spots,
            self.planned.closed(self.schema["properties"][place]).is_valid,
            tuple(parts),
            frozenset(self._needed) - {place},
            None if common is None else common.takes,
        )

    def names_all(self, message: Mapping[str, Any]) -> bool:
        """Whether the plan surely names all properties or traits of *message*."""
        if not self._names_in:
            return True
        facts = message.get(self._names_in)
        return facts is None or (type(facts) is dict and self.planned.takes(facts))

    def violations(self, wire: Any) -> Iterable[Violation]:
        """All that is wrong in *wire*, a message decoded from JSON."""
        if self._whole is None:
            self._whole = compiled(self.schema)
        return violations(self._whole.iter_errors(wire))

    def _compile(self) -> tuple[_Part, ...]:
        """The parts of a message that the schema speaks of, or "" for all of it."""
        schema = self.schema
        inner = schema.get("properties", {})
        plain = _PLAIN_ROOT.issuperset(schema) and schema.get("type", "object") == (
            "object"
        )
        if not plain or any("$ref" in found for _, found in walk(schema)):
            self._whole = compiled(schema)
            return (("", self._whole.is_valid, None),)
        self._needed = tuple(schema.get("required", ()))
        return tuple(
            (name, compiled(found).is_valid, spots_of(found))
            for name, found in inner.items()
            if found is not True
            and not (found is not False and NOTES.issuperset(found))
        )


def _quick(  # noqa: C901, PLR0917 - one function in place of the calls of many
    place: str,
    spots: Spots,
    is_valid: _Test,
    others: tuple[str, ...],
    needed: frozenset[str],
    common: _Test | None,
) -> _Test:
    numbers = spots.names
    lists = [(name, one.names) for name, one in spots.inner if one.is_flat_list]
    inner = [(name, one) for name, one in spots.inner if not one.is_flat_list]

    def fits(message: Any) -> bool:  # noqa: C901 - see above
        facts = message[place]
        if type(facts) is not dict or not is_valid(facts):
            return False
        for name in numbers:
            if name in facts and type(facts[name]) not in SAFE:
                return False
        for name, prices in lists:
            for item in facts.get(name) or ():
                for price in prices:
                    if price in item and type(item[price]) not in SAFE:
                        return False
        for name, one in inner:
            if name in facts and one.are_odd(facts[name]):
                return False
        for name in others:
            if name in message:
                return False
        if needed and not needed.issubset(message):
            return False
        return common is None or common(message)

    return fits


def _fits(facts: Any, is_valid: _Test, spots: Spots | None) -> bool:
    """Whether *facts* surely are as planned."""
    if type(facts) is not dict:
        return False
    if spots is None:
        return is_valid(wire_form(facts))
    return is_valid(facts) and not spots.are_odd(facts)


def wire_form(message: Mapping[str, Any]) -> Any:
    """*message* as it reads when it comes out of the wire."""
    return _decode(encode(message))
