"""
One rule of a plan, compiled: whether a message is fine, and if not, what is wrong.

Each part of a message that the schema speaks of has its own validator where the parts
stand for themselves, so that nothing else is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segment_integrations.core.encode import encode
from segment_integrations.plan.checking.engine import Validator, compiled
from segment_integrations.plan.checking.glance import Part, Test, glance
from segment_integrations.plan.checking.names import Planned
from segment_integrations.plan.checking.spots import NOTES, spots_of
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


class Compiled:
    """
    One rule, ready to check messages.

    Args:
        rule: The rule.
        common: The rule of all messages, which plans names as well.

    Attributes:
        planned: The names that both plan.
        reads: The parts of a message that both speak of; None for all of it.
        takes: Whether a message surely satisfies both, and they name all that it has.
            False from it says nothing, as a value may have another form on the wire,
            and it may raise.
        is_plain: Whether it ever says more than that.
    """

    def __init__(self, rule: Rule, common: Compiled | None) -> None:
        self.schema = schema = rule.schema
        self._names_in = UNPLANNABLE.get(rule.type.lower(), "")
        self._common = common
        self.planned = Planned(
            [schema] if common is None else [schema, common.schema], self._names_in
        )
        self._whole: Validator | None = None
        self.reads: tuple[str, ...] | None = None
        self.takes: Test = _never
        self.is_plain = _is_plain(schema)
        if self.is_plain:
            self._read_parts()

    def _read_parts(self) -> None:
        asking = {
            name: found
            for name, found in self.schema.get("properties", {}).items()
            if found is not True
            and not (found is not False and NOTES.issuperset(found))
        }
        if self._names_in:
            asking.setdefault(self._names_in, {})
        needed = frozenset(self.schema.get("required", ()))
        reads = {*asking, *needed}
        common = self._common
        parts = tuple(self._part(name, found) for name, found in asking.items())
        self.takes = glance(parts, needed, None if common is None else common.takes)
        if common is None:
            self.reads = tuple(sorted(reads))
        elif common.reads is not None:
            self.reads = tuple(sorted(reads.union(common.reads)))

    def _part(self, name: str, schema: Any) -> Part:
        spots = spots_of(schema)
        is_named = name == self._names_in
        if spots is not None:
            made = self.planned.closed(schema) if is_named else compiled(schema)
            return name, made.is_valid, spots
        is_valid = compiled(schema).is_valid
        names = self.planned.takes if is_named else _any
        return name, lambda facts: names(facts) and is_valid(wire_form(facts)), None

    def prepare(self) -> None:
        """Compile what the first message that breaks the rule needs."""
        if self._whole is None:
            self._whole = compiled(self.schema)

    def violations(self, wire: Any) -> list[Violation]:
        """
        All that is wrong in *wire*, a message decoded from JSON.

        What is not one of the parts in `reads` may be missing there.
        """
        if self._whole is None:
            self._whole = compiled(self.schema)
        return violations(self._whole.iter_errors(wire))

    def wire_form(self, message: Mapping[str, Any]) -> Any:
        """What there is in *message* to check, as it reads on the wire."""
        reads = self.reads
        if reads is None:
            return wire_form(message)
        return wire_form({name: message[name] for name in reads if name in message})


def _is_plain(schema: Schema) -> bool:
    """Whether the parts of a message stand for themselves."""
    return (
        _PLAIN_ROOT.issuperset(schema)
        and schema.get("type", "object") == "object"
        and not any("$ref" in found for _, found in walk(schema))
    )


def _any(_: object) -> bool:
    return True


def _never(_: object) -> bool:
    return False


def wire_form(message: Mapping[str, Any]) -> Any:
    """*message* as it reads when it comes out of the wire."""
    return _decode(encode(message))
