"""
`scan`: which events the source fires, held against the plan. Parses, never imports.

Finds the calls of `track`, `page` and `screen`, ``@tracks(...)`` and typed events.
"""

from __future__ import annotations

import gc
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from segment_integrations.plan.scanning.crew import Crew
from segment_integrations.plan.scanning.files import Files
from segment_integrations.plan.scanning.hints import Hints
from segment_integrations.plan.scanning.properties import missing, unplanned
from segment_integrations.plan.scanning.tree import Tree
from segment_integrations.plan.scanning.uses import Dynamic, Use, Uses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from segment_integrations.plan.rules import Rule
    from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["Remark", "Report", "scan"]

Kind = Literal[
    "unplanned", "unfired", "property", "required", "version", "dynamic", "unreadable"
]
"""What a remark is about; the last two are notes, and no fault."""

NOTES: Final = frozenset({"dynamic", "unreadable"})

_ELSEWHERE: Final = frozenset(
    {"Page Viewed", "Screen Viewed", "Segment Consent Preference Updated"}
)
"""
Planned events that no track call fires: page and screen calls, and the browser.

Source: Segment, Protocols, "Validate page and screen calls"; Consent Management.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """
    One thing to be told about the source.

    Args:
        kind: What it is about; ``"dynamic"`` and ``"unreadable"`` are notes.
        path: The file, as it was found from the path that was given; for
            ``"unfired"`` the plan's.
        line: From 1; 0 where it is about a whole file.
        column: From 1, in characters; 0 the same.
        event: The event's or page's name; "" where there is none.
        text: A sentence without the place.
        hint: The planned name that is nearest, or "".
    """

    kind: Kind
    path: str
    line: int = 0
    column: int = 0
    event: str = ""
    text: str
    hint: str = ""

    @property
    def is_note(self) -> bool:
        """Whether nothing is wrong as far as one can see."""
        return self.kind in NOTES

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    What `scan` found.

    Args:
        files: How many Python files there are.
        fired: The planned and other track events that the code fires, each with the
            number of places.
        remarks: In the order of files and lines; those about the plan come last.
    """

    files: int
    fired: dict[str, int]
    remarks: tuple[Remark, ...]

    @property
    def findings(self) -> tuple[Remark, ...]:
        """The remarks that are faults."""
        return tuple(one for one in self.remarks if not one.is_note)

    @property
    def notes(self) -> tuple[Remark, ...]:
        """The others: names that are made at run time, files that can't be read."""
        return tuple(one for one in self.remarks if one.is_note)

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "files": self.files,
            "fired": self.fired,
            "findings": [_written(one) for one in self.findings],
            "notes": [_written(one) for one in self.notes],
        }


def scan(
    paths: Sequence[str | Path],
    plan: TrackingPlan,
    *,
    exclude: Sequence[str] = (),
    any_track: bool = False,
    on_progress: Callable[[int, int], object] | None = None,
    workers: int = 1,
) -> Report:
    """
    Find what the source fires, and what of it the plan does not have.

    Args:
        paths: Python files and folders of them. Hidden folders, virtual environments,
            ``node_modules``, ``build`` and ``__pycache__`` are left out.
        plan: The plan.
        exclude: Globs of files and folders to leave out.
        any_track: Take each ``track("...")`` for ours, whoever is called.
        on_progress: Is called with the number of files that are done and of all.
        workers: With more than one, so many processes read where there are hundreds
            of files. They import the main module, so a script that asks for it needs
            ``if __name__ == "__main__":``.

    Raises:
        FileNotFoundError: One of *paths* is not there.
    """
    files = Files(paths, exclude)
    total = len(files.found)
    tell = None
    if on_progress is not None:
        told = on_progress

        def tell(done: int) -> None:
            told(done, total)

    crew = Crew(workers, total)
    tree = Tree(files, crew, tell)
    try:
        with _uncollected():
            uses, dynamic = Uses(tree, any_track=any_track).find()
    finally:
        crew.close()
    held = _Held(plan)
    remarks = [
        *held.against(uses),
        *held.unknown(dynamic),
        *(
            Remark(kind="unreadable", path=str(path), text=why)
            for path, why in tree.unread.items()
        ),
    ]
    remarks.sort(key=lambda one: (one.path, one.line, one.column))
    fired = Counter(one.name for one in uses if one.call == "track")
    return Report(
        files=total,
        fired=dict(sorted(fired.items())),
        remarks=(*remarks, *_unfired(plan, fired)),
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector from going through all syntax trees again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Held:
    """Holds uses against *plan*."""

    def __init__(self, plan: TrackingPlan) -> None:
        self._plan = plan
        self._hints = Hints(plan.events)
        self._planned_views = {
            rule.type.lower() for rule in plan.rules if rule.type in {"PAGE", "SCREEN"}
        }

    def against(self, uses: Sequence[Use]) -> Iterator[Remark]:
        built = {one.name for one in uses if one.is_built}
        for use in uses:
            if use.is_typed and not use.is_built and use.name in built:
                continue  # told where it is made
            if use.call == "track":
                yield from self._track(use)
            elif use.call in self._planned_views and not self._plan.rule_for(
                {"type": use.call, "name": use.name}
            ):
                text = f"{use.call} {use.name!r} is not in the plan"
                yield _remark("unplanned", use, text)

    def unknown(self, dynamic: Sequence[Dynamic]) -> Iterator[Remark]:
        """A note for each place, where the plan has something to say of its call."""
        places = {(one.path, one.line, one.column): one for one in dynamic}
        for one in places.values():
            if one.call == "track" or one.call in self._planned_views:
                yield _dynamic(one)

    def _track(self, use: Use) -> Iterator[Remark]:
        rules = self._plan.events.get(use.name)
        if rules is None:
            hint = self._hints.nearest(use.name)
            text = f"event {use.name!r} is not in the plan"
            if hint:
                text += f": did you mean {hint!r}?"
            yield _remark("unplanned", use, text, hint)
            return
        rule = rules[0]
        if use.version == "unknown":
            if len(rules) > 1:
                return  # any of them may be meant
        # A typed event says 1 also where it says nothing, and then it sends none.
        elif use.version is not None and not (use.is_typed and use.version == 1):
            known = {one.version: one for one in rules}
            if use.version not in known:
                listed = ", ".join(map(str, known))
                yield _remark(
                    "version",
                    use,
                    f"event {use.name!r} has no version {use.version} in the plan,"
                    f" which has {listed}",
                )
                return
            rule = known[use.version]
        if use.keys is not None:
            yield from self._properties(use, rule, use.keys)

    def _properties(
        self, use: Use, rule: Rule, keys: frozenset[str]
    ) -> Iterator[Remark]:
        for name in unplanned(self._plan, rule, keys):
            text = f"property {name!r} of event {use.name!r} is not in the plan"
            hint = Hints(rule.planned).nearest(name)
            if hint:
                text += f": did you mean {hint!r}?"
            yield _remark("property", use, text, hint)
        if use.is_closed:
            for name in missing(rule, keys):
                text = f"event {use.name!r} lacks the required property {name!r}"
                yield _remark("required", use, text)


def _unfired(plan: TrackingPlan, fired: Counter[str]) -> Iterator[Remark]:
    for name, rules in plan.events.items():
        if fired[name] or name in _ELSEWHERE:
            continue
        if all(rule.is_deprecated for rule in rules):
            continue
        yield Remark(
            kind="unfired",
            path=rules[0].source,
            event=name,
            text=f"planned event {name!r} is fired nowhere",
        )


def _remark(kind: Kind, use: Use, text: str, hint: str = "") -> Remark:
    return Remark(
        kind=kind,
        path=str(use.path),
        line=use.line,
        column=use.column,
        event=use.name,
        text=text,
        hint=hint,
    )


def _dynamic(one: Dynamic) -> Remark:
    return Remark(
        kind="dynamic",
        path=str(one.path),
        line=one.line,
        column=one.column,
        text=f"dynamic: the name of this {one.call} is made at run time ({one.why})",
    )


def _written(one: Remark) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "path": one.path,
        "line": one.line,
        "column": one.column,
        "event": one.event,
        "text": one.text,
        "hint": one.hint,
    }
