"""Which properties or traits a rule plans, whatever in its schema names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from segment_integrations.plan.checking.engine import Validator, compiled
from segment_integrations.plan.loading.walk import Schema, same_value


class Planned:
    """
    The names that schemas plan in one part of a message.

    A name counts wherever the schema of the facts names it: directly, behind a
    reference, in an alternative or in a condition.

    Args:
        schemas: The schemas of whole messages, the rule's and the common one.
        place: The part, ``"properties"`` or ``"traits"``.
    """

    def __init__(self, schemas: Iterable[Schema], place: str) -> None:
        names: set[str] = set()
        patterns: dict[str, bool] = {}
        takes_any = False
        for root in schemas:
            for found in facts_in(root, place):
                names |= set(found.get("properties", ()))
                patterns |= dict.fromkeys(found.get("patternProperties", ()), True)
                takes_any |= "additionalProperties" in found
        self._known = frozenset(names)
        self.takes: Callable[[Mapping[str, Any]], bool] = self._known.issuperset
        """Whether all names in facts are planned, as far as a glance tells."""
        if takes_any:
            self.takes = lambda _: True
        self._takes_any = takes_any
        self._patterns = patterns
        self._matcher: Validator | None = None
        if patterns:
            self._matcher = compiled(
                {"patternProperties": patterns, "additionalProperties": False}
            )

    def closed(self, facts: Schema) -> Validator:
        """
        A validator of *facts*, a schema of plain keywords, that takes no other names.

        Costs no more than one that takes any, and saves a look at the names.
        """
        if self._takes_any:
            return compiled(facts)
        names: dict[str, Any] = dict.fromkeys(sorted(self._known), True)
        return compiled(
            {
                **facts,
                "properties": names | facts.get("properties", {}),
                "patternProperties": self._patterns,
                "additionalProperties": False,
            }
        )

    def others(self, facts: Mapping[str, Any]) -> list[str]:
        """The names in *facts* that are not planned, in order."""
        if self.takes(facts):
            return []
        return [name for name in facts if name not in self._known and self._odd(name)]

    def _odd(self, name: str) -> bool:
        return self._matcher is None or not self._matcher.is_valid({name: None})


def facts_in(root: Schema, place: str) -> Iterator[Schema]:
    """Each schema in *root*, that of a message, that speaks of the facts at *place*."""
    for whole in same_value(root, root):
        known = whole.get("properties")
        found = known.get(place) if isinstance(known, Mapping) else None
        if isinstance(found, Mapping):
            yield from same_value(found, root)
