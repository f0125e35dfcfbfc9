"""
The one place that knows jsonschema-rs: how its validators are made.

Nothing is ever fetched, formats count, and no pattern takes long: most run in linear
time, and one that needs to look around or back gives up after a bounded amount of work.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, Final

from segment_integrations.errors import ConfigurationError
from segment_integrations.plan.loading.walk import Schema, rebuilt

try:
    import jsonschema_rs
except ModuleNotFoundError as error:  # pragma: no cover - the extra is there in tests
    raise ConfigurationError(
        "a tracking plan needs jsonschema-rs: pip install 'segment-integrations[plan]'",
        setting="plan",
    ) from error

Validator = jsonschema_rs.Draft7Validator
Broken = jsonschema_rs.ValidationError
META: Final = "http://json-schema.org/draft-07/schema#"

BACKTRACKS_MAX: Final = 100_000
"""
Steps back that one pattern may take over one value.

Source: ours; about 10 ms. It counts only for patterns that need to step back.
"""

_PATTERNS: Final = jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS_MAX)
_WORDS: Final = r"[^\\^$.*+?()\[\]{}|]+(?:\|[^\\^$.*+?()\[\]{}|]+)+"
_LIST: Final = re.compile(_WORDS)
_ANCHORED: Final = re.compile(rf"\^\(\?:({_WORDS})\)\$")


def anchored(pattern: str) -> str:
    """
    *pattern* as it is checked.

    A plain list of words (``pro|free``) is how Protocols keeps permitted values, so it
    stands for the whole text; any other pattern is searched, as JSON Schema has it.

    Source: Segment, Protocols, "Permitted values"; segment-spec.md 5.3.
    """
    return f"^(?:{pattern})$" if _LIST.fullmatch(pattern) else pattern


def as_written(pattern: str) -> str:
    """What `anchored` made of it, as the plan has it."""
    found = _ANCHORED.fullmatch(pattern)
    return found[1] if found else pattern


def compiled(schema: Mapping[str, Any] | bool) -> Validator:  # noqa: FBT001 - a schema
    """
    A validator of *schema*, which is of plain JSON, as Protocols reads it.

    Raises:
        Broken: It is no schema of draft-07, or refers to something that is not in it.
    """
    return Validator(
        schema if isinstance(schema, bool) else rebuilt(schema, _read),
        validate_formats=True,
        pattern_options=_PATTERNS,
        offline=True,
    )


def _read(schema: Schema) -> dict[str, Any]:
    """*schema* in the dialect that is checked, with its lists of words anchored."""
    copy = {key: found for key, found in schema.items() if key != "$schema"}
    if isinstance(pattern := copy.get("pattern"), str):
        copy["pattern"] = anchored(pattern)
    if copy.get("additionalProperties") is False and "patternProperties" not in copy:
        # Without it jsonschema-rs does not tell which property is one too many.
        copy.setdefault("properties", {})
    return copy


@functools.cache
def meta() -> Validator:
    """The validator of schemas."""
    return compiled({"$ref": META})


@functools.lru_cache(maxsize=4096)
def pattern_trouble(pattern: str) -> str:
    """What is wrong with a regular expression, or ""."""
    try:
        compiled({"pattern": pattern})
    except Broken as error:
        return error.message
    return ""


def pattern_budget_spent(error: Broken) -> bool:
    """Whether a pattern was given up, rather than found not to match."""
    return isinstance(
        error.kind,
        jsonschema_rs.ValidationErrorKind.BacktrackLimitExceeded
        | jsonschema_rs.ValidationErrorKind.RegexEngineFailure,
    )
