"""Leaves out of a message what the plan does not want, and stamps what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from segment_integrations.core.message import EVENT_MAX_BYTES
from segment_integrations.plan.rules import FACTS
from segment_integrations.plan.violations import REQUIRED, Violation

STAMPED_MAX: Final = 10
"""
Violations, and names of what was left out, that one message carries at most.

Source: ours. A message that has more is wrong as a whole, and each takes 150 bytes.
"""


class Mended(NamedTuple):
    """
    What was left out of a message.

    Args:
        omitted: Names of properties or traits that the plan does not have.
        omitted_on_violation: Names of those that break it, ``"products.0.price"``
            where it is one within another.
    """

    omitted: Sequence[str] = ()
    omitted_on_violation: Sequence[str] = ()


def facts_of(message: Mapping[str, Any]) -> tuple[str, Any]:
    """The name and the value of a message's ``properties`` or ``traits``."""
    place = FACTS.get(str(message.get("type")).upper(), "properties")
    return place, message.get(place)


def omit_unplanned(message: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Delete the properties or traits *names* from *message*; those that it had."""
    _, facts = facts_of(message)
    if not isinstance(facts, dict):
        return []
    found = [name for name in names if name in facts]
    for name in found:
        del facts[name]
    return found


def omit_violating(
    message: Mapping[str, Any], violations: Sequence[Violation]
) -> list[str]:
    """
    Delete the properties or traits that break the plan from *message*.

    Of a list the whole goes, for its other items would move. What can't be mended by
    leaving out, such as something that is missing, stays as it is.

    Returns:
        The names of those that went, below ``properties`` or ``traits``.
    """
    place, facts = facts_of(message)
    omitted = []
    for violation in violations:
        root, *path = violation.path or ("",)
        if violation.is_unplanned or root != place:
            continue
        if violation.type == REQUIRED:  # nothing is there, whatever else is called so
            continue
        name = _delete(facts, path)
        if name is not None:
            omitted.append(name)
    return omitted


def _delete(value: object, path: Sequence[str | int]) -> str | None:
    """
    Delete what *path* leads to.

    Returns:
        Its path, or that of the nearest thing with a name that holds it. None where
        nothing is there.
    """
    end = len(path)
    while end and isinstance(path[end - 1], int):
        end -= 1
    for key in path[: end - 1]:
        value = _inside(value, key)
    if not end or not isinstance(value, dict) or path[end - 1] not in value:
        return None  # nothing with a name, or it went with another violation
    del value[path[end - 1]]
    return ".".join(map(str, path[:end]))


def _inside(value: object, key: str | int) -> object:
    """What *value* has at *key*; None where it has nothing."""
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return None


def is_stamped(message: Mapping[str, Any]) -> bool:
    """Whether *message* says of itself what is wrong with it."""
    context = message.get("context")
    protocols = context.get("protocols") if isinstance(context, dict) else None
    return isinstance(protocols, dict) and bool(protocols.get("violations"))


def stamped(
    message: dict[str, Any], violations: Sequence[Violation], mended: Mended
) -> tuple[bytes, dict[str, Any]]:
    """
    *message* with what was found in its ``context.protocols``, and its JSON.

    Without, where it would be over Segment's limit with it.
    """
    context = message.get("context")
    context = context if isinstance(context, dict) else {}
    protocols = context.get("protocols")
    found: dict[str, Any] = dict(protocols) if isinstance(protocols, dict) else {}
    found["violations"] = [one.wire for one in violations[:STAMPED_MAX]]
    for name, value in mended._asdict().items():
        if value:
            found[name] = list(value[:STAMPED_MAX])
    marked = {**message, "context": {**context, "protocols": found}}
    body = msgspec.json.encode(marked)
    if len(body) <= EVENT_MAX_BYTES:
        return body, marked
    return msgspec.json.encode(message), message
