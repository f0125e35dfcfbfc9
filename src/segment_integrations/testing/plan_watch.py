"""`Watch`: checks each event of a test run against a plan, as it is fired."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from segment_integrations.testing.gate import Letters, settle
from segment_integrations.testing.plan_facts import Fact, fact, seen_paths

if TYPE_CHECKING:
    from segment_integrations.plan.rules import Rule
    from segment_integrations.plan.tracking import TrackingPlan
    from segment_integrations.plan.violations import Violation

FACTS_MAX: Final = 100_000
"""A run that makes up names without end must not eat the machine's memory."""

TEXTS_MAX: Final = 50
"""Different violations that one test is told of: enough to see what is wrong."""


class Watch:
    """
    The `Watcher` of a run with a plan. Takes no lock, for tests fork at any time.

    Args:
        plan: What the events are checked against.
        folder: An empty folder, where the children of this process leave their events.
    """

    def __init__(self, plan: TrackingPlan, folder: str) -> None:
        from segment_integrations.plan.rules import FACTS

        self.folder = folder
        self.is_on = True
        """False while a test runs that is left out."""
        self.facts: set[Fact] = set()
        self._plan = plan
        self._places = FACTS
        self._pid = os.getpid()
        self._fresh: deque[Fact] = deque()
        self._texts: dict[str, None] = {}
        self._read: dict[str, int] = {}

    def see(self, body: bytes) -> None:
        """Check one message's JSON, on the thread of the call; never raises."""
        if not self.is_on:
            return
        if os.getpid() == self._pid:
            self._check(body)
        else:
            Letters(self.folder).see(body)  # a forked child: the run reads it there

    def take(self) -> list[str]:
        """What was against the plan since the last time, and is told only once."""
        settle()
        for body in self._letters():
            if self.is_on:
                self._check(body)
        texts = list(self._texts)
        for text in texts:
            del self._texts[text]
        return texts

    def news(self) -> list[Fact]:
        """The facts that were not told before."""
        return [self._fresh.popleft() for _ in range(len(self._fresh))]

    def _check(self, body: bytes) -> None:
        # The caller is the code under test, and must not notice that it is watched.
        try:
            message = msgspec.json.decode(body)
            rule = self._plan.rule_for(message)
            for one in self._facts_of(message, rule):
                self._note(one)
            for violation in self._plan.check(message):
                self._tell(_worded(_title(message, rule), violation))
        except Exception as error:  # noqa: BLE001 - the test is told instead
            self._tell(f"an event could not be checked: {type(error).__name__}")

    def _facts_of(
        self, message: Mapping[str, Any], rule: Rule | None
    ) -> Iterator[Fact]:
        if rule is None:
            if message["type"] == "track":
                yield Fact("unplanned event", "TRACK", str(message.get("event")), 1)
            return
        yield fact("fired", rule)
        given = message.get(self._places[rule.type])
        for path in seen_paths(rule, given):
            yield fact("seen", rule, path)
        for name in self._plan.unplanned(message):
            yield fact("unplanned", rule, name)

    def _note(self, one: Fact) -> None:
        if one not in self.facts and len(self.facts) < FACTS_MAX:
            self.facts.add(one)
            self._fresh.append(one)

    def _tell(self, text: str) -> None:
        if len(self._texts) < TEXTS_MAX:
            self._texts[text] = None
        else:
            self._texts["and more"] = None

    def _letters(self) -> Iterator[bytes]:
        """The messages that children have left since the last time."""
        try:
            entries = sorted(os.scandir(self.folder), key=lambda entry: entry.name)
        except OSError:
            return
        for entry in entries:
            try:
                with open(entry.path, "rb") as file:  # noqa: PTH123 - a DirEntry's
                    file.seek(self._read.get(entry.name, 0))
                    lines = file.read().split(b"\n")
            except OSError:
                continue
            whole = lines[:-1]  # what follows the last end of line is being written
            self._read[entry.name] = self._read.get(entry.name, 0) + sum(
                len(line) + 1 for line in whole
            )
            yield from whole


def shown(name: str) -> str:
    """*name* as it is, or quoted where a terminal would not show it."""
    return name if name.isprintable() else repr(name)


def _title(message: Mapping[str, Any], rule: Rule | None) -> str:
    if rule is not None:
        return rule.title
    call = str(message["type"])
    return f"{call} {message.get('event')!r}" if call == "track" else call


def _worded(title: str, violation: Violation) -> str:
    place = f" [{violation.pointer}]" if violation.pointer else ""
    text = f"{violation.type} at {violation.field}: {violation.description}{place}"
    return f"{title}: {shown(text)}"
