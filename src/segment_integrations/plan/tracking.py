"""`TrackingPlan`: the rules of one plan, and what in a message breaks them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

from segment_integrations.plan.checking.checker import Checker
from segment_integrations.plan.loading.load import Parts, of_document, of_path
from segment_integrations.plan.loading.rules import indexed
from segment_integrations.plan.rules import Rule, RuleType
from segment_integrations.plan.violations import Violation

_TYPES: Final[Mapping[str, RuleType]] = {
    "track": "TRACK",
    "identify": "IDENTIFY",
    "group": "GROUP",
    "page": "PAGE",
    "screen": "SCREEN",
}
_Versions = Mapping[int, Rule]
_Call = tuple[str, Mapping[str, _Versions], _Versions | None]
"""Where the key is in a message, the rules by their keys, and those for all others."""

_NAMES: Final = {"track": "event", "page": "name", "screen": "name"}
_VIEWED: Final = {"page": "Page Viewed", "screen": "Screen Viewed"}
"""
The track event that plans the calls of a kind for which there is no rule.

Source: Segment, Protocols, "Validate page and screen calls".
"""
_DEPRECATED: Final = "1970-01-01T00:00:00.000Z"
"""Stands for the time at which a rule was deprecated, which a `Rule` does not keep."""


PREPARED_MAX: Final = 1_000
"""Rules that are compiled ahead, in less than a second. Source: ours."""


class TrackingPlan:
    """
    One tracking plan: what may be sent, event by event.

    Immutable, and safe to use from any thread. Two plans are equal when they plan the
    same, wherever they were read.

    Args:
        rules: The rules, in the order in which the plan is to have them.
        name: What people call the plan.
        id: Segment's id of it, ``"tp_..."``.
        description: A sentence about it.
        source: The file that it came from, for error texts.

    Raises:
        PlanError: Two rules are of the same call, name and version, or a schema is no
            JSON Schema that can be checked.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        *,
        name: str = "",
        id: str = "",  # noqa: A002 - Segment's name for it
        description: str = "",
        source: str = "<plan>",
    ) -> None:
        self.name = name
        self.id = id
        self.description = description
        self.source = source
        self.rules, self._index = indexed(rules)
        self.events: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
            {
                key: tuple(versions.values())
                for (type_, key), versions in self._index.items()
                if type_ == "TRACK"
            }
        )
        self._calls = {call: self._of_call(call) for call in _TYPES}
        self._checker = Checker(self._index, self.rule_for)
        self._quick = self._checker.quick
        self._tracks = self._quick["track"]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """
        Read a plan from a JSON file in any of Segment's forms, or from a folder.

        Args:
            path: The file, or a folder of JSON Schema files (docs/plan/plans.md).

        Raises:
            PlanError: It can't be read, or is no plan; names file, event and pointer.
        """
        return cls._made(of_path(Path(path)))

    @classmethod
    def of(cls, document: object, *, source: str = "<plan>") -> Self:
        """
        Make a plan of decoded JSON, in any of the forms that `load` takes.

        Args:
            document: What ``json.loads`` gave. It is not changed, and must not be.
            source: Where it is from, for error texts.

        Raises:
            PlanError: It is no plan; names *source*, event and pointer.
        """
        return cls._made(of_document(document, source))

    @classmethod
    def _made(cls, parts: Parts) -> Self:
        return cls(
            parts.rules,
            name=parts.name,
            id=parts.id,
            description=parts.description,
            source=parts.source,
        )

    def _of_call(self, call: str) -> _Call:
        type_ = _TYPES[call]
        by_key = {
            key: versions
            for (one, key), versions in self._index.items()
            if one == type_
        }
        viewed = self._index.get(("TRACK", _VIEWED.get(call, "")))
        return _NAMES.get(call, ""), by_key, by_key.get("", viewed)

    def rule_for(self, message: Mapping[str, Any]) -> Rule | None:
        """
        The rule that plans *message*, or None where the plan has none.

        A track call is found by its event's name, exact in case, a page or screen call
        by its name, else by the rule for all of them. Of several versions it is the
        one that ``context.protocols.event_version`` gives, else the oldest.
        """
        call = message.get("type")
        found = self._calls.get(call) if isinstance(call, str) else None
        if found is None:
            return None
        place, by_key, otherwise = found
        key = message.get(place) if place else ""
        versions = by_key.get(key) if isinstance(key, str) else None
        if versions is None:
            versions = otherwise
            if versions is None:
                return None
        if len(versions) > 1 and (wanted := versions.get(_version(message))):
            return wanted
        return next(iter(versions.values()))

    def check(self, message: Mapping[str, Any]) -> list[Violation]:
        """
        What in *message* breaks the plan, as Segment will see it on the wire.

        Never raises, and changes nothing.

        Args:
            message: The finished message, with its ``type``: the dict that was built,
                whose values (dates, decimals, models...) are checked in the form in
                which they go over the wire, or the message as decoded from JSON.

        Returns:
            First what breaks the schema of the event's rule, then what breaks the
            common one, then an unplanned event, then unplanned properties or traits
            of track, identify and group calls. Empty if it is all as planned.
        """
        asked = None
        try:
            # Here and not in the checker, as one more call costs a tenth of the whole.
            call = message["type"]
            if call == "track":
                asked = self._tracks[message["event"]]
            else:
                asked = self._quick[call][""]
            if asked.takes(message):
                return []
        except Exception:  # noqa: BLE001, S110 - something is missing or odd
            pass
        return self._checker.check(message, asked)

    def prepare(
        self, calls: Collection[str] = frozenset(_TYPES), *, at_most: int = PREPARED_MAX
    ) -> None:
        """
        Compile rules now, each of which else costs its first message about 1 ms.

        Args:
            calls: The calls whose rules are compiled, ``{"track", "page"}``.
            at_most: So many rules, the first ones of the plan; the others stay as they
                are.
        """
        types = {_TYPES[call] for call in calls if call in _TYPES}
        rules = (rule for rule in self.rules if rule.type in types)
        self._checker.prepare(islice(rules, at_most))

    def unplanned(self, message: Mapping[str, Any]) -> list[str]:
        """
        The names of the properties or traits that the plan does not have, in order.

        Only of track, identify and group calls that have a rule. A name is unplanned
        when the rule neither lists nor matches it and has no ``additionalProperties``:
        false there makes it a violation of the schema, a schema allows it.
        """
        return self._checker.unplanned(message)

    def document(self) -> dict[str, Any]:
        """The plan as JSON in the form of Segment's Public API, which `of` reads."""
        described = {
            "id": self.id,
            "name": self.name,
            "description": self.description,
        }
        return {
            "trackingPlan": {key: text for key, text in described.items() if text},
            "rules": [_written(rule) for rule in self.rules],
        }

    def _facts(self) -> tuple[object, ...]:
        compared = [
            (
                rule.type,
                rule.key,
                rule.version,
                rule.schema,
                rule.labels,
                rule.is_deprecated,
            )
            for rule in self.rules
        ]
        return self.name, self.id, self.description, compared

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TrackingPlan):
            return NotImplemented
        return self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash((self.name, self.id, len(self.rules)))

    def __repr__(self) -> str:
        return f"<TrackingPlan {self.name or self.source!r}: {len(self.rules)} rules>"


def _version(message: Mapping[str, Any]) -> int:
    """The version that *message* names, or 0."""
    context = message.get("context")
    protocols = context.get("protocols") if isinstance(context, Mapping) else None
    found = protocols.get("event_version") if isinstance(protocols, Mapping) else None
    return found if type(found) is int else 0


def _written(rule: Rule) -> dict[str, Any]:
    labels = {"labels": dict(rule.labels)} if rule.labels else {}
    return {
        "key": rule.key,
        "type": rule.type,
        "version": rule.version,
        **({"deprecatedAt": _DEPRECATED} if rule.is_deprecated else {}),
        "jsonSchema": {**rule.schema, **labels},
    }
