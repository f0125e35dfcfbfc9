"""Which event of a plan went on under another name."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from segment_integrations.plan.diffing.rules import Key, Versions, oldest
from segment_integrations.plan.diffing.schema import bare, identity
from segment_integrations.plan.names.words import key as spelled


def renamed(old: Mapping[Key, Versions], new: Mapping[Key, Versions]) -> dict[Key, Key]:
    """Events that went, each with one that came and plans or reads the same."""
    came = [key for key in new if key[0] == "TRACK" and key not in old]
    went = [key for key in old if key[0] == "TRACK" and key not in new]
    found: dict[Key, Key] = {}
    for alike in (_spelling, _content):
        there: dict[Hashable, list[Key]] = {}
        for key in came:
            if key not in found.values():
                there.setdefault(alike(new[key]), []).append(key)
        here: dict[Hashable, list[Key]] = {}
        for key in went:
            if key not in found:
                here.setdefault(alike(old[key]), []).append(key)
        for what, keys in here.items():
            # With two that look the same nobody can tell which became which.
            if what is not None and len(keys) == len(there.get(what, ())) == 1:
                found[keys[0]] = there[what][0]
    return found


def _spelling(versions: Versions) -> Hashable:
    return spelled(oldest(versions).key) or None


def _content(versions: Versions) -> Hashable:
    """What they plan; None where that is so little that any other may plan it too."""
    if not any(rule.planned for rule in versions.values()):
        return None
    return tuple(
        (version, identity(bare(rule.schema))) for version, rule in versions.items()
    )
