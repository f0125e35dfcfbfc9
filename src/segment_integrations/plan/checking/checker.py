"""
What in a message breaks the rules of a plan.

A valid message, nearly every one, is answered by one function made for its rule, from
the parts of it that the rule asks something of. The others are taken in their wire
form, and looked at for all that is wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
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


class Checker:
    """
    All rules of a plan, each compiled when its first message comes.

    Safe to use from any thread: at worst a rule is compiled twice.

    Args:
        index: The rules of the plan.
        find: Gives the rule of a message.

    Attributes:
        quick: The rules that can be asked at a glance and that have no other versions,
            by call and key.
    """

    def __init__(self, index: Index, find: _Find) -> None:
        common = index.get(("COMMON", ""))
        first = next(iter(common.values())) if common else None
        self._common = None if first is None else Compiled(first, None)
        self._index = index
        self._find = find
        self._rules: dict[int, Compiled] = {}
        self.quick: dict[str, dict[str, Compiled]] = {call: {} for call in CALLS}
        self._told = False

    def check(
        self, message: Mapping[str, Any], asked: Compiled | None
    ) -> list[Violation]:
        """
        What in *message* breaks the plan; never raises.

        Args:
            message: The message.
            asked: Its rule, if that was asked before and did not say that it is fine.
        """
        try:
            if asked is None:
                return self._check(message)
            return self._violations(asked, asked.wire_form(message), message["type"])
        except Exception as error:  # noqa: BLE001 - no message is worth an exception
            self._tell(error)
            return []

    def prepare(self, rules: Iterable[Rule]) -> None:
        """Compile *rules* of the plan; never raises."""
        try:
            if self._common is not None:
                self._common.prepare()
            for rule in rules:
                self._compiled(rule).prepare()
        except Exception as error:  # noqa: BLE001 - loading has looked for all of them
            self._tell(error)

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
        if rule is None:
            return self._check_wire(wire_form(message))
        mine = self._compiled(rule)
        if _is_fine(mine, message):
            return []
        return self._violations(mine, mine.wire_form(message), message["type"])

    def _check_wire(self, wire: Any) -> list[Violation]:
        """The same, of a message whose rule shows on the wire only, if at all."""
        rule = self._find(wire)
        call = wire.get("type")
        if rule is not None:
            return self._violations(self._compiled(rule), wire, call)
        common = self._common
        found = [] if common is None else common.violations(wire)
        return [*found, unplanned_event()] if call == "track" else found

    def _violations(self, mine: Compiled, wire: Any, call: str) -> list[Violation]:
        found = mine.violations(wire)
        if self._common is not None:
            found += self._common.violations(wire)
        place = UNPLANNABLE.get(call)
        facts = None if place is None else wire.get(place)
        if isinstance(facts, dict) and not mine.planned.takes(facts):
            found += [
                unplanned_property(UNPLANNABLE[call], name)
                for name in mine.planned.others(facts)
            ]
        return found

    def _compiled(self, rule: Rule) -> Compiled:
        found = self._rules.get(id(rule))
        if found is None:
            found = Compiled(rule, self._common)
            self._rules[id(rule)] = found
            call = rule.type.lower()
            if (
                found.is_plain
                and call in UNPLANNABLE
                and len(self._index[rule.type, rule.key]) == 1
            ):
                self.quick[call][rule.key] = found
        return found

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            _log.warning(
                "the tracking plan could not check a message: %s", type(error).__name__
            )


def _is_fine(rule: Compiled, message: Mapping[str, Any]) -> bool:
    """Whether *message* surely is as planned."""
    try:
        return rule.is_plain and rule.takes(message)
    except Exception:  # noqa: BLE001 - a value that is no JSON as it stands
        return False
