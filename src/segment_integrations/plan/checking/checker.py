"""
What in a message breaks the rules of a plan.

A valid message, nearly every one, is answered by one function made for its rule, from
the parts of it that the rule asks something of. The others are taken in their wire
form, and looked at for all that is wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from segment_integrations.plan.checking.compiled import UNPLANNABLE, Compiled, wire_form
from segment_integrations.plan.checking.words import (
    unplanned_event,
    unplanned_property,
)
from segment_integrations.plan.loading.rules import Index
from segment_integrations.plan.rules import Rule
from segment_integrations.plan.violations import Violation

_log = logging.getLogger("segment_integrations")

CALLS: Final = ("track", "identify", "group", "page", "screen", "alias")

_Find = Callable[[Mapping[str, Any]], Rule | None]
_Quick = dict[str, Callable[[Mapping[str, Any]], bool]]


class Checker:
    """
    All rules of a plan, each compiled when its first message comes.

    Safe to use from any thread: at worst a rule is compiled twice.

    Args:
        index: The rules of the plan.
        find: Gives the rule of a message.

    Attributes:
        quick: By call and key, what says of most messages that are as planned that they
            are. False from it says nothing, and it may raise.
    """

    def __init__(self, index: Index, find: _Find) -> None:
        common = index.get(("COMMON", ""))
        first = next(iter(common.values())) if common else None
        self._common = None if first is None else Compiled(first, None)
        self._index = index
        self._find = find
        self._rules: dict[int, Compiled] = {}
        self.quick: dict[str, _Quick] = {call: {} for call in CALLS}
        self._told = False

    def check(self, message: Mapping[str, Any]) -> list[Violation]:
        """What in *message* breaks the plan; never raises."""
        try:
            return self._check(message)
        except Exception as error:  # noqa: BLE001 - no message is worth an exception
            self._tell(error)
            return []

    def unplanned(self, message: Mapping[str, Any]) -> list[str]:
        """The properties or traits of *message* that neither rule plans."""
        return self._unplanned(message, self._find(message))

    def _unplanned(self, message: Mapping[str, Any], rule: Rule | None) -> list[str]:
        place = UNPLANNABLE.get(str(message.get("type")))
        if rule is None or place is None or message.get(place) is None:
            return []
        facts = message[place]
        if type(facts) is not dict:
            facts = wire_form({place: facts})[place]
        if not isinstance(facts, dict):
            return []
        return self._compiled(rule).planned.others(facts)

    def _check(self, message: Mapping[str, Any]) -> list[Violation]:
        rule = self._find(message)
        common = self._common
        if rule is not None:
            mine = self._compiled(rule)
            if (
                mine.takes(message)
                and (common is None or common.takes(message))
                and mine.names_all(message)
            ):
                return []
        wire = wire_form(message)
        return self._violations(wire, rule or self._find(wire))

    def _violations(self, wire: Any, rule: Rule | None) -> list[Violation]:
        found: list[Violation] = []
        if rule is not None:
            found += self._compiled(rule).violations(wire)
        if self._common is not None:
            found += self._common.violations(wire)
        call = wire.get("type")
        if call == "track" and rule is None:
            found.append(unplanned_event())
        found += [
            unplanned_property(UNPLANNABLE[call], name)
            for name in self._unplanned(wire, rule)
        ]
        return found

    def _compiled(self, rule: Rule) -> Compiled:
        found = self._rules.get(id(rule))
        if found is None:
            common = self._common
            found = Compiled(rule, None if common is None else common.schema)
            self._rules[id(rule)] = found
            call = rule.type.lower()
            if call in UNPLANNABLE and len(self._index[rule.type, rule.key]) == 1:
                quick = found.quick(common)
                if quick is not None:
                    self.quick[call][rule.key] = quick
        return found

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            _log.warning(
                "the tracking plan could not check a message: %s", type(error).__name__
            )
