"""What changed from one tracking plan to the next, and whom it breaks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from segment_integrations.plan.diffing_compare import compare, worst
from segment_integrations.plan.diffing_keywords import Found, Kind
from segment_integrations.plan.diffing_schema import bare, identity, is_same
from segment_integrations.plan.names import words
from segment_integrations.plan.rules import FACTS, Rule
from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["Change", "Kind", "diff"]

_CLOSED: Final = frozenset({"TRACK", "IDENTIFY", "GROUP"})
"""Types of which `TrackingPlan.check` reports unplanned names."""

_Key = tuple[str, str]
_Versions = Mapping[int, Rule]


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
    return [
        *_described(old, new),
        *chain.from_iterable(_by_rule(_grouped(old), _grouped(new))),
    ]


def _described(old: TrackingPlan, new: TrackingPlan) -> Iterator[Change]:
    for name in ("name", "id", "description"):
        if getattr(old, name) != getattr(new, name):
            yield Change("cosmetic", "plan", f"/{name}", f"{name} changed")


def _grouped(plan: TrackingPlan) -> dict[_Key, dict[int, Rule]]:
    found: dict[_Key, dict[int, Rule]] = {}
    for rule in sorted(plan.rules, key=lambda rule: rule.version):
        found.setdefault((rule.type, rule.key), {})[rule.version] = rule
    order = dict.fromkeys((rule.type, rule.key) for rule in plan.rules)
    return {key: found[key] for key in order}


def _by_rule(
    old: Mapping[_Key, _Versions], new: Mapping[_Key, _Versions]
) -> Iterator[Iterator[Change]]:
    renamed = _renamed(old, new)
    for key in {**old, **new}:
        if key in renamed:
            yield _one(
                "breaking",
                _oldest(old[key]),
                "/key",
                f"renamed to {renamed[key][1]!r}",
            )
            yield _versions(old[key], new[renamed[key]])
        elif key in renamed.values():
            continue
        elif key not in new:
            yield _gone(old, new, key)
        elif key not in old:
            yield _come(old, new, key)
        else:
            yield _versions(old[key], new[key])


def _one(kind: Kind, rule: Rule, place: str, text: str) -> Iterator[Change]:
    yield Change(kind, rule.title, place, text, rule.key, rule.version)


def _oldest(versions: _Versions) -> Rule:
    return next(iter(versions.values()))


def _renamed(
    old: Mapping[_Key, _Versions], new: Mapping[_Key, _Versions]
) -> dict[_Key, _Key]:
    """Events that went, each with one that came and plans the same or reads the same."""
    came = [key for key in new if key[0] == "TRACK" and key not in old]
    went = [key for key in old if key[0] == "TRACK" and key not in new]
    found: dict[_Key, _Key] = {}
    for alike in (_spelling, _content):
        there: dict[Hashable, list[_Key]] = {}
        for key in came:
            if key not in found.values():
                there.setdefault(alike(new[key]), []).append(key)
        here: dict[Hashable, list[_Key]] = {}
        for key in went:
            if key not in found:
                here.setdefault(alike(old[key]), []).append(key)
        for what, keys in here.items():
            # With two that look the same nobody can tell which became which.
            if what is not None and len(keys) == len(there.get(what, ())) == 1:
                found[keys[0]] = there[what][0]
    return found


def _spelling(versions: _Versions) -> Hashable:
    return "".join(words(_oldest(versions).key)).casefold() or None


def _content(versions: _Versions) -> Hashable:
    """What they plan; None where that is so little that any other may plan it too."""
    if not any(rule.planned for rule in versions.values()):
        return None
    return tuple(
        (version, identity(bare(rule.schema))) for version, rule in versions.items()
    )


def _gone(
    old: Mapping[_Key, _Versions], new: Mapping[_Key, _Versions], key: _Key
) -> Iterator[Change]:
    rule = _oldest(old[key])
    if rule.type == "TRACK":
        yield from _one("breaking", rule, "", "event removed: it is unplanned now")
        return
    stand_in = _stand_in(new, rule)
    if stand_in is None:
        yield from _one("additive", rule, "", "removed: any value is allowed now")
        return
    is_worse = any(
        worst(_schemas(one, stand_in)) == "breaking" for one in old[key].values()
    )
    kind: Kind = "breaking" if is_worse else "additive"
    yield from _one(kind, rule, "", f"removed: {stand_in.title} holds now")


def _come(
    old: Mapping[_Key, _Versions], new: Mapping[_Key, _Versions], key: _Key
) -> Iterator[Change]:
    rule = _oldest(new[key])
    if rule.type == "TRACK":
        yield from _one("additive", rule, "", "event added")
        return
    stand_in = _stand_in(old, rule)
    before = stand_in or Rule(type=rule.type, key=rule.key, schema={})
    is_worse = any(
        worst(_schemas(before, one)) == "breaking" for one in new[key].values()
    )
    if stand_in is None and rule.type in _CLOSED:
        is_worse = True  # names that nobody planned were no violation
    kind: Kind = "breaking" if is_worse else "additive"
    held = f"{stand_in.title} held before" if stand_in else "nothing was planned before"
    yield from _one(kind, rule, "", f"rule added: {held}")


def _stand_in(plan: Mapping[_Key, _Versions], rule: Rule) -> Rule | None:
    """What plans the calls of *rule* in a *plan* that does not have it."""
    if rule.type not in {"PAGE", "SCREEN"}:
        return None
    viewed = ("TRACK", f"{rule.type.title()} Viewed")
    versions = plan.get((rule.type, "")) or plan.get(viewed)
    return _oldest(versions) if versions else None


def _versions(old: _Versions, new: _Versions) -> Iterator[Change]:
    for version, rule in old.items():
        if version in new:
            yield from _changed(rule, new[version])
        else:
            yield from _one(
                "breaking",
                rule,
                "/version",
                f"version {version} removed: its messages are checked against version"
                f" {_oldest(new).version} now",
            )
    for version, rule in new.items():
        if version in old:
            continue
        text = f"version {version} added"
        kind: Kind = "additive"
        if version < _oldest(old).version:
            text += ", which holds now for messages that name no version"
            if worst(_schemas(_oldest(old), rule)) == "breaking":
                kind = "breaking"
        yield from _one(kind, rule, "/version", text)


def _changed(old: Rule, new: Rule) -> Iterator[Change]:
    for kind, place, text in _schemas(old, new):
        yield Change(kind, new.title, place, text, new.key, new.version)
    if not is_same(dict(old.labels), dict(new.labels)):
        yield from _one("cosmetic", new, "/labels", "labels changed")
    if old.is_deprecated != new.is_deprecated:
        done = "deprecated" if new.is_deprecated else "not deprecated any more"
        yield from _one("cosmetic", new, "/deprecatedAt", done)


def _schemas(old: Rule, new: Rule) -> Iterator[Found]:
    """The changes of the schemas of two rules."""
    closed = frozenset({f"/properties/{FACTS[new.type]}"} if new.type in _CLOSED else ())
    before, after = _whole(old), _whole(new)
    found = list(compare(before, after, "", closed))
    yield from found
    if worst(found) == "additive" and _refers(before):
        yield (
            "breaking",
            "",
            "a $ref leads elsewhere than to definitions: what it takes may have changed",
        )


def _whole(rule: Rule) -> Mapping[str, Any]:
    """The schema of *rule* with what holds for every message anyway."""
    schema = {"type": "object", **rule.schema}
    place = FACTS.get(rule.type)
    inner = schema.get("properties", {})
    if place is None or not isinstance(inner, Mapping):
        return schema
    facts = inner.get(place, {})
    if isinstance(facts, Mapping):
        schema["properties"] = {**inner, place: {"type": "object", **facts}}
    return schema


def _refers(value: object) -> bool:
    """Whether there is a reference to what stands elsewhere than in definitions."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            target = one.get("$ref")
            if isinstance(target, str) and not target.startswith("#/definitions/"):
                return True
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return False


