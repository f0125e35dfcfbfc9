"""How ``plan check``, ``diff`` and ``lint`` take a plan, and how they answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.table import Table
from rich.text import Text

from segment_integrations.cli.words import counted, printable
from segment_integrations.plan.linting.finding import Finding, Level

if TYPE_CHECKING:
    from rich.console import RenderableType

PLAN: Final = click.Path(exists=True, path_type=Path)
"""A file, or a folder of JSON Schema files."""

json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object."
)

_STYLES: Final = {
    "error": "red", "warning": "yellow", "note": "dim",
    "breaking": "red", "additive": "green", "cosmetic": "dim",
}  # fmt: skip


def findings_document(
    path: Path, findings: Iterable[Finding], rules: int
) -> dict[str, Any]:
    """The findings as JSON, errors first."""
    levels: tuple[Level, ...] = ("error", "warning", "note")
    ordered = sorted(findings, key=lambda one: levels.index(one.level))
    counts = Counter(one.level for one in ordered)
    return {
        "ok": not counts["error"],
        "plan": str(path),
        "rules": rules,
        "counts": {level: counts[level] for level in levels},
        "findings": [
            {
                "level": one.level,
                "rule": one.rule,
                "where": one.title,
                "file": one.source,
                "pointer": one.place,
                "text": one.text,
            }
            for one in ordered
        ],
    }


def findings_lines(document: dict[str, Any]) -> Iterator[RenderableType]:
    """The document of `findings_document` for people."""
    for one in document["findings"]:
        yield from _entry(one["level"], one["where"], one["text"], one["rule"])
        place = f"{one['file']} {one['pointer']}".strip()
        yield Text(f"    {printable(place)}", style="dim")
    counts = document["counts"]
    yield (
        f"{counted(document['rules'], 'rule')}: {counted(counts['error'], 'error')},"
        f" {counted(counts['warning'], 'warning')}, {counted(counts['note'], 'note')}."
    )


def _entry(level: str, where: str, text: str, rule: str) -> Iterator[Text]:
    yield Text.assemble(
        (f"{level:<8}", _STYLES[level]),
        f"{printable(where)}: {printable(text)} ",
        (f"[{rule}]", "dim"),
    )


def changes_table(changes: Iterable[dict[str, Any]]) -> Table:
    """The changes of a plan for people."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("change", "where", "pointer", "what"):
        table.add_column(Text(name), overflow="fold")
    for one in changes:
        table.add_row(
            Text(one["kind"], style=_STYLES[one["kind"]]),
            Text(printable(one["where"])),
            Text(printable(one["pointer"])),
            Text(printable(one["text"])),
        )
    return table
