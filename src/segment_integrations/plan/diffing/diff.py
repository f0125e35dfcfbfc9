"""What changed from one tracking plan to the next, and whom it breaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from segment_integrations.plan.diffing.compare import worst
from segment_integrations.plan.diffing.keywords import Kind
from segment_integrations.plan.diffing.names import CLOSED, VIEWED
from segment_integrations.plan.diffing.renames import renamed
from segment_integrations.plan.diffing.rules import Key, Side, changes, oldest
from segment_integrations.plan.diffing.schema import is_same
from segment_integrations.plan.rules import Rule
from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["Change", "Kind", "diff"]


@dataclass(frozen=True, slots=True)
class Change:
    """
    One change of a plan.

    Args:
        kind: ``"breaking"`` where a message that was valid may be valid no more,
            ``"additive"`` where more is allowed, else ``"cosmetic"``.
        title: Which rule, ``"track 'Order Completed' version 2"``; ``"plan"`` for the
            plan as a whole.
        place: The JSON pointer in the rule's schema, or the field of the rule, such
            as ``"/version"``.
        text: What happened.
        event: The event's name; "" where the rule has none.
        version: The rule's version; 0 for the plan as a whole.
    """

    kind: Kind
    title: str
    place: str
    text: str
    event: str = ""
    version: int = 0


def diff(old: TrackingPlan, new: TrackingPlan) -> list[Change]:
    """
    What changed from *old* to *new*.

    A message is valid when `TrackingPlan.check` finds nothing in it. Whenever one was
    valid and is not any more, a change of its event is breaking; what can't be proved
    to allow all that was allowed counts as breaking too.

    Args:
        old: The plan as it was.
        new: The plan as it is.

    Returns:
        The changes, in the order of the plans' rules; none if they are equal.
    """
    before, after = Side.of(old), Side.of(new)
    return [
        *_described(old, new),
        *chain.from_iterable(_by_rule(before, after)),
    ]


def _described(old: TrackingPlan, new: TrackingPlan) -> Iterator[Change]:
    for name in ("name", "id", "description"):
        if getattr(old, name) != getattr(new, name):
            yield Change("cosmetic", "plan", f"/{name}", f"{name} changed")


def _by_rule(old: Side, new: Side) -> Iterator[Iterator[Change]]:
    moved = renamed(old.rules, new.rules)
    for key in {**old.rules, **new.rules}:
        if key in moved.values():
            continue
        if key in moved:
            text = f"renamed to {moved[key][1]!r}"
            yield _one("breaking", oldest(old.rules[key]), "/key", text)
        if key not in old.rules:
            yield _come(old, new, key)
        elif key in new.rules or key in moved:
            yield _versions(old, new, key, moved.get(key, key))
        else:
            yield _gone(old, new, key)


def _one(kind: Kind, rule: Rule, place: str, text: str) -> Iterator[Change]:
    yield Change(kind, rule.title, place, text, rule.key, rule.version)


def _gone(old: Side, new: Side, key: Key) -> Iterator[Change]:
    rule = oldest(old.rules[key])
    stand_ins = new.stand_ins(rule)
    if rule.type == "TRACK":
        yield from _one("breaking", rule, "", "event removed: it is unplanned now")
    elif not stand_ins:
        yield from _one("additive", rule, "", "removed: nothing is planned any more")
    else:
        kind = _worst_of(old.rules[key].values(), stand_ins, old, new)
        text = f"removed: {stand_ins[0].title} holds now"
        yield from _one(kind, rule, "", text)


def _come(old: Side, new: Side, key: Key) -> Iterator[Change]:
    rule = oldest(new.rules[key])
    if rule.type == "TRACK":
        yield from _one("additive", rule, "", "event added")
        call = VIEWED.get(rule.key)
        if call is None or (call, "") in old.rules:
            return
        text = f"it plans {call.lower()} calls too, of which nothing was planned"
        nothing = Rule(type=call, schema={})
        yield from _one(
            _worst_of([nothing], new.rules[key].values(), old, new), rule, "", text
        )
        return
    stand_ins = old.stand_ins(rule)
    held = f"{stand_ins[0].title} held before" if stand_ins else "nothing was planned"
    before = stand_ins or [Rule(type=rule.type, key=rule.key, schema={})]
    kind = _worst_of(before, new.rules[key].values(), old, new)
    # Names that nobody planned were no violation without a rule.
    is_closed = not stand_ins and rule.type in CLOSED
    yield from _one("breaking" if is_closed else kind, rule, "", f"rule added: {held}")


def _worst_of(
    before: Iterable[Rule], after: Iterable[Rule], old: Side, new: Side
) -> Kind:
    now = [*after]
    is_worse = any(
        worst(changes(one, another, old, new)) == "breaking"
        for one in before
        for another in now
    )
    return "breaking" if is_worse else "additive"


def _versions(old: Side, new: Side, was: Key, now: Key) -> Iterator[Change]:
    before, after = old.rules[was], new.rules[now]
    for version, rule in before.items():
        if version in after:
            yield from _changed(rule, after[version], old, new)
        else:
            yield from _one(
                "breaking",
                rule,
                "/version",
                f"version {version} removed: its messages are checked against version"
                f" {oldest(after).version} now",
            )
    for version, rule in after.items():
        if version in before:
            continue
        text = f"version {version} added"
        kind: Kind = "additive"
        if version < oldest(before).version:
            text += ", which holds now for messages that name no version"
            kind = _worst_of([oldest(before)], [rule], old, new)
        yield from _one(kind, rule, "/version", text)


def _changed(old: Rule, new: Rule, before: Side, after: Side) -> Iterator[Change]:
    for kind, place, text in changes(old, new, before, after):
        yield Change(kind, new.title, place, text, new.key, new.version)
    if not is_same(dict(old.labels), dict(new.labels)):
        yield from _one("cosmetic", new, "/labels", "labels changed")
    if old.is_deprecated != new.is_deprecated:
        done = "deprecated" if new.is_deprecated else "not deprecated any more"
        yield from _one("cosmetic", new, "/deprecatedAt", done)
