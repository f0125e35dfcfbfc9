"""`Coverage`: how much of a tracking plan a test run has fired."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from math import floor
from typing import TYPE_CHECKING, Any, Final

from segment_integrations.testing.plan_facts import Fact, fact, planned_paths
from segment_integrations.testing.plan_watch import shown

if TYPE_CHECKING:
    from segment_integrations.plan.rules import Rule
    from segment_integrations.plan.tracking import TrackingPlan

LINES_MAX: Final = 20
"""Lines of a list before it is cut, unless pytest is verbose."""


class Coverage:
    """
    Adds up what processes have seen of *plan*.

    Every rule counts but the common one and deprecated ones: track events by name and
    version, identify, group, page and screen.

    Args:
        plan: The plan.
        source: How the user named it, for texts.
    """

    def __init__(self, plan: TrackingPlan, source: str) -> None:
        self.source = source
        self.outside: dict[str, None] = {}
        """What was against the plan where no test ran, each with its place."""
        self._name = plan.name
        self._rules = [rule for rule in plan.rules if rule.type != "COMMON"]
        self._counted = [rule for rule in self._rules if not rule.is_deprecated]
        self._facts: set[Fact] = set()
        self._extra: defaultdict[Fact, set[str]] = defaultdict(set)

    def add(self, facts: Iterable[Iterable[Any]], outside: Iterable[str] = ()) -> None:
        """Take what one process has seen; what is known already changes nothing."""
        for one in (Fact(*parts) for parts in facts):
            if one.kind == "unplanned":
                self._extra[one._replace(name="")].add(one.name)
            else:
                self._facts.add(one)
        self.outside.update(dict.fromkeys(outside))

    @property
    def fired(self) -> int:
        """How many rules that count were met."""
        return sum(map(self._is_fired, self._counted))

    @property
    def percent(self) -> float:
        """The share of them, rounded down to a tenth; 100 where none counts."""
        if not self._counted:
            return 100.0
        return floor(self.fired * 1000 / len(self._counted)) / 10

    def is_below(self, minimum: float) -> bool:
        """Whether less than *minimum* percent were met."""
        return self.fired * 100 < minimum * len(self._counted)

    def document(self, minimum: float | None) -> dict[str, Any]:
        """All of it as JSON, for CI."""
        return {
            "plan": self._name,
            "source": self.source,
            "planned": len(self._counted),
            "fired": self.fired,
            "percent": self.percent,
            "minimum": minimum,
            "events": [
                {
                    "type": rule.type,
                    "key": rule.key,
                    "version": rule.version,
                    "deprecated": rule.is_deprecated,
                    "fired": self._is_fired(rule),
                    "neverSeen": self._never_seen(rule),
                    "unplanned": self._unplanned(rule),
                }
                for rule in self._rules
            ],
            "unplannedEvents": self._unplanned_events(),
            "outsideOfTests": list(self.outside),
        }

    def head(self) -> str:
        """The one line that says most."""
        named = f"{shown(self._name)} ({self.source})" if self._name else self.source
        events = f"{self.fired} of {len(self._counted)} planned events fired"
        return f"{named}: {events}, {self.percent}%"

    def lines(self, *, is_whole: bool) -> Iterator[str]:
        """The lists below the head line, each with its title; no empty ones."""
        fired = [rule for rule in self._rules if self._is_fired(rule)]
        lists = {
            "never fired": [
                rule.title for rule in self._counted if not self._is_fired(rule)
            ],
            "unplanned events fired": map(repr, self._unplanned_events()),
            "properties never seen": _by_rule(fired, self._never_seen),
            "unplanned properties seen": _by_rule(fired, self._unplanned),
            "against the plan, outside of tests": self.outside,
        }
        for title, found in lists.items():
            lines = list(found)
            if lines:
                yield f"{title}:"
                few = lines if is_whole else lines[:LINES_MAX]
                yield from (f"  {line}" for line in few)
                if len(lines) > len(few):
                    yield f"  and {len(lines) - len(few)} more (-v shows all)"

    def _is_fired(self, rule: Rule) -> bool:
        return fact("fired", rule) in self._facts

    def _never_seen(self, rule: Rule) -> list[str]:
        return [
            path
            for path in planned_paths(rule)
            if fact("seen", rule, path) not in self._facts
        ]

    def _unplanned(self, rule: Rule) -> list[str]:
        return sorted(self._extra.get(fact("unplanned", rule), ()))

    def _unplanned_events(self) -> list[str]:
        return sorted(one.key for one in self._facts if one.kind == "unplanned event")


def _by_rule(
    rules: Iterable[Rule], names: Callable[[Rule], list[str]]
) -> Iterator[str]:
    for rule in rules:
        found = names(rule)
        if found:
            yield f"{rule.title}: {', '.join(map(shown, found))}"
