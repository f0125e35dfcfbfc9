"""A `Finding`: what the checks of a plan say, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]
"""How bad it is; only an error fails a run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing to mend in a plan, or to know of it.

    Args:
        level: ``"error"``, ``"warning"`` or ``"note"``.
        rule: What was looked for, as ``--ignore`` names it: ``"event-case"``.
        title: Where in the plan: ``"track 'Order Completed' version 2"``, or "plan".
        place: The JSON pointer in the file *source*.
        text: What it is and what to do.
        source: The file.
    """

    level: Level
    rule: str
    title: str
    place: str
    text: str
    source: str = ""
