"""What properties of the semantic events are made of; each of these may be left out."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, UnsetType

__all__ = ["UNSET", "Build", "Flag", "Moment", "Number", "Text", "Texts", "Whole"]

Text = str | UnsetType
Number = float | UnsetType
Whole = int | UnsetType
Flag = bool | UnsetType
Moment = datetime | UnsetType
Texts = list[str] | UnsetType
Build = str | int | UnsetType
"""A build's number: Android counts, others write it with dots."""
