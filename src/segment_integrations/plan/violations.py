"""A `Violation`: what in one message breaks the plan, in Protocols' words."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

REQUIRED: Final = "Required"
INVALID_TYPE: Final = "Invalid Type"
UNPLANNED_EVENT: Final = "Unplanned Event"
UNPLANNED_PROPERTY: Final = "Unplanned Property"


@dataclass(frozen=True, slots=True)
class Violation:
    """
    One place where a message breaks the plan. Holds names, never a value.

    Args:
        type: Protocols' word for what is wrong: ``"Required"``, ``"Invalid Type"``,
            ``"Pattern"``, ``"Enum"``...; ours are ``"Unplanned Event"`` and
            ``"Unplanned Property"``.
        field: The dotted path from the message's root, ``"properties.products.0.id"``;
            ``"(root)"`` for the message as a whole, ``"event"`` for an unplanned one.
        description: A sentence of names and of the plan's own words, never a value of
            the message: ``"Invalid type. Expected: integer, given: number"``.
        pointer: The JSON pointer of the schema that is broken, from the rule's root.
        path: What *field* joins with dots, of which some may be parts of names: the
            keys and indexes from the message's root.
    """

    type: str
    field: str
    description: str
    pointer: str = ""
    path: tuple[str | int, ...] = dataclasses.field(
        default=(), repr=False, compare=False, kw_only=True
    )

    @property
    def is_unplanned(self) -> bool:
        """Whether the plan says nothing about it, rather than something else."""
        return self.type in {UNPLANNED_EVENT, UNPLANNED_PROPERTY}

    @property
    def wire(self) -> dict[str, str]:
        """As it stands in ``context.protocols.violations``."""
        return {
            "type": self.type,
            "field": self.field,
            "description": self.description,
        }
