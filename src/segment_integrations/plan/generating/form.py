"""Finds the form of a plan, and takes it off the rules that classes are made for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from segment_integrations.plan.exporting.form import (
    PLAIN,
    WORDS,
    Form,
    Id,
    Spot,
    visited,
)
from segment_integrations.plan.loading.nesting import MESSAGE_PARTS
from segment_integrations.plan.rules import FACTS, Rule

_NOTHING: Final[tuple[dict[str, Any], ...]] = ({}, {"type": "object"})
"""What a part of a message is where the plan says nothing about it."""


def plain(rules: Iterable[Rule]) -> tuple[list[Rule], Form]:
    """
    *rules* without what says nothing, and the form that lays it over them again.

    What most schemas of a kind have is the form; the others are listed in it.

    Args:
        rules: Those that classes are made for.
    """
    given = list(rules)
    parts = _parts(given)
    every = (*WORDS, *parts)
    counted: Counter[tuple[str, str]] = Counter()
    where: list[tuple[Id, str, Spot, bool]] = []
    bare: list[Rule] = []
    for rule in given:
        id_ = (rule.type, rule.key, rule.version)

        def visit(spot: Spot, id_: Id = id_) -> None:
            for word in every:
                has = spot.has(word)
                if has is None:
                    continue
                counted[word, spot.kind] += 1 if has else -1
                where.append((id_, word, spot, has))
                if has:
                    spot.make(word, wanted=False)

        bare.append(visited(rule, visit, parts))
    words = frozenset(
        one
        for one in ((word, kind) for word in WORDS for kind in WORDS[word])
        if counted[one] > 0 or (not counted[one] and one in PLAIN.words)
    )
    but: dict[Id, dict[str, set[str]]] = {}
    for of, word, spot, has in where:
        if has != (word in parts or (word, spot.kind) in words):
            but.setdefault(of, {}).setdefault(word, set()).add(spot.pointer)
    frozen = {
        of: {word: frozenset(pointers) for word, pointers in sorted(found.items())}
        for of, found in but.items()
    }
    return bare, Form(words=words, parts=parts, but=frozen)


def _parts(rules: Sequence[Rule]) -> dict[str, Any]:
    """What most of the rules that could have a part beside their facts have there."""
    parts: dict[str, Any] = {}
    for name in sorted(MESSAGE_PARTS):
        known = [
            rule.schema["properties"]
            for rule in rules
            if FACTS[rule.type] != name
            and isinstance(rule.schema.get("properties"), dict)
        ]
        missing = sum(name not in one for one in known)
        counts = [sum(one.get(name) == value for one in known) for value in _NOTHING]
        most = max(counts)
        if most > missing:
            parts[name] = dict(_NOTHING[counts.index(most)])
    return parts
