"""Says in an assert's failure what did arrive, and how the nearest message differs."""

from __future__ import annotations

import difflib
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from segment_integrations.testing.matching import NAMES, PLACES, at, show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from segment_integrations.testing.matching import Expectation

Message = dict[str, Any]

LABELS_SHOWN: Final = 20
FACTS_SHOWN: Final = 12


def failure(
    expectation: Expectation,
    messages: list[Message],
    found: list[Message],
    count: int | None,
) -> list[str]:
    """
    The lines of an assert's failure.

    Args:
        expectation: What was expected.
        messages: What arrived.
        found: What arrived as expected.
        count: How many were expected; None for at least one.
    """
    wanted = _wanted(expectation)
    if not found:
        times = f" ({count} expected)" if count is not None and count > 1 else ""
        lines = [f"No {wanted}{times}"]
    else:
        lines = [f"{wanted}: expected {count or 'none'}, got {len(found)}"]
    if not messages:
        return [*lines, "nothing arrived"]
    others = [message for message in messages if message not in found]
    if found:
        lines.append(f"matching: {_listed(found)}")
    if len(found) >= (1 if count is None else count):
        return lines
    nearest = _nearest(expectation, others)
    if nearest is not None:
        lines += _compared(expectation, nearest)
        others.remove(nearest)
    if others:
        also = "also arrived" if found or nearest is not None else "arrived"
        lines.append(f"{also}: {_listed(others)}")
    return lines


def _wanted(expectation: Expectation) -> str:
    """``"Checkout Started" with user_id='user-1'``."""
    name = expectation.name_argument
    text: str = expectation.call
    conditions = dict(expectation.wanted)
    if name is not None and isinstance(conditions[name], str):
        quoted = f'"{conditions.pop(name)}"'
        text = quoted if name == "event" else f"{text} {quoted}"
    if conditions:
        shown = ", ".join(f"{key}={show(value)}" for key, value in conditions.items())
        text = f"{text} with {shown}"
    return text


def _named(message: Message) -> str:
    """``track "Checkout Started"``."""
    name = message.get("event", message.get("name"))
    return str(message["type"]) if name is None else f'{message["type"]} "{name}"'


def _label(message: Message) -> str:
    """``track "Checkout Started" (user-1)``: which call, about whom."""
    return f"{_named(message)} ({message.get('userId', 'anonymous')})"


def _listed(messages: Iterable[Message]) -> str:
    counts = Counter(map(_label, messages))
    shown = [
        text if count == 1 else f"{text} x{count}" for text, count in counts.items()
    ]
    if len(shown) > LABELS_SHOWN:
        shown[LABELS_SHOWN:] = [f"{len(shown) - LABELS_SHOWN} more"]
    return ", ".join(shown)


def _nearest(expectation: Expectation, messages: list[Message]) -> Message | None:
    """The message of the same call and nearest name with the fewest differences."""
    candidates = [one for one in messages if one["type"] == expectation.call]
    argument = expectation.name_argument
    wanted = None if argument is None else expectation.wanted[argument]
    if argument is not None and isinstance(wanted, str):
        names = [str(one[argument]) for one in candidates if argument in one]
        name = wanted if wanted in names else _nearest_name(wanted, names)
        if name is not None:
            candidates = [one for one in candidates if one.get(argument) == name]
        elif expectation.call == "track":
            return None  # pages have few names, so even a far one tells something
    return min(
        candidates, key=lambda one: len(expectation.differences(one)), default=None
    )


def _nearest_name(wanted: str, names: list[str]) -> str | None:
    folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(wanted.casefold(), folded, n=1)
    return folded[close[0]] if close else None


def _compared(expectation: Expectation, message: Message) -> list[str]:
    """The nearest message: what differs, then what else the expected parts have."""
    differences = expectation.differences(message)
    differing = {one.label for one in differences}
    lines = [f"nearest: {_named(message)}", *(f"  {one}" for one in differences)]
    facts = []
    for argument, place in PLACES.items():
        if argument not in expectation.wanted or argument in NAMES:
            continue
        value = at(message, place)
        if not isinstance(value, dict):
            continue
        for key, fact in value.items():
            where = f"{argument}.{key}"
            if not any(
                one == where or one.startswith((f"{where}.", f"{where}["))
                for one in differing
            ):
                facts.append(f"  {where}: {show(fact)}")
    if len(facts) > FACTS_SHOWN:
        facts[FACTS_SHOWN:] = [f"  and {len(facts) - FACTS_SHOWN} more"]
    return lines + facts
