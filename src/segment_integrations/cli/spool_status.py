"""What ``spool status`` says, as a document and as tables. No value of any event."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from segment_integrations.cli import spool_dead
from segment_integrations.cli.spool_survey import (
    survey,
    unknown_entries,
    unknown_files,
)
from segment_integrations.cli.words import age, counted, printable, size
from segment_integrations.delivery.folders import (
    DEAD,
    fingerprint,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import RenderableType

    from segment_integrations.cli.spool_survey import Process

STATES = {"alive": "alive", "left": "left behind", "unknown": "unknown"}


def of_spool(directory: Path, write_key: str | None) -> dict[str, Any]:
    """The processes' folders and what is in them."""
    processes = survey(directory)
    key = None if write_key is None else fingerprint(write_key)
    dead = spool_dead.find(directory, spool_dead.Wanted())
    return {
        "directory": str(directory),
        "exists": directory.is_dir(),
        "processes": [_process(one, key) for one in processes],
        "totals": {
            "processes": len(processes),
            "left": sum(one.state == "left" for one in processes),
            "files": sum(one.files for one in processes),
            "events": sum(one.events for one in processes),
            "left_events": sum(one.events for one in processes if one.state == "left"),
            "damaged": sum(one.damaged for one in processes),
            "bytes": sum(one.size for one in processes),
            "oldest_age_s": _age(
                min((one.begun_at for one in processes if one.begun_at), default=None)
            ),
        },
        "unknown": list(unknown_entries(directory)),
        "dead_letters": len(dead.letters),
    }


def _process(one: Process, key: str | None) -> dict[str, Any]:
    return {
        "folder": one.folder.path.name,
        "pid": one.folder.pid,
        "state": one.state,
        "key": one.folder.fingerprint,
        "is_own_key": None if key is None else one.folder.fingerprint == key,
        "files": one.files,
        "events": one.events,
        "damaged": one.damaged,
        "bytes": one.size,
        "oldest_age_s": _age(one.begun_at),
        "unknown": list(one.unknown),
        "unreadable": list(one.unreadable),
    }


def of_dead(directory: Path, write_key: str | None) -> dict[str, Any]:
    """The dead letters, by key, reason and status."""
    key = None if write_key is None else fingerprint(write_key)
    groups: Counter[tuple[str, str, int | None]] = Counter()
    oldest: dict[tuple[str, str, int | None], float] = {}
    found = spool_dead.find(directory, spool_dead.Wanted())
    for owner in sorted({spool_dead.key_of(path) for path in _files(directory)}):
        mine = spool_dead.find(directory, spool_dead.Wanted(key=owner))
        for letter in mine.letters:
            group = (owner, letter.reason, letter.status)
            groups[group] += 1
            at = spool_dead.given_up_at(letter)
            if at is not None:
                oldest[group] = min(at, oldest.get(group, at))
    return {
        "directory": str(directory),
        "exists": directory.is_dir(),
        "letters": [
            {
                "key": owner,
                "is_own_key": None if key is None else owner == key,
                "reason": reason,
                "status": status,
                "count": count,
                "oldest_age_s": _age(oldest.get((owner, reason, status))),
            }
            for (owner, reason, status), count in groups.items()
        ],
        "totals": {
            "files": len(_files(directory)),
            "letters": sum(groups.values()),
            "damaged": found.damaged,
            "bytes": found.size,
            "oldest_age_s": _age(min(oldest.values(), default=None)),
        },
        "unknown": list(unknown_files(directory / DEAD)),
        "unreadable": list(found.unreadable),
    }


def _files(directory: Path) -> list[Path]:
    return spool_dead.files(directory, spool_dead.Wanted())


def _age(at: float | None) -> float | None:
    return None if at is None else round(max(0.0, time.time() - at), 1)


def spool_lines(document: dict[str, Any]) -> Iterator[RenderableType]:
    """The document of `of_spool` for people."""
    if not document["exists"]:
        yield f"{document['directory']} does not exist yet: nothing is spooled."
        return
    totals = document["totals"]
    if document["processes"]:
        table = _table(
            "process", "state", "write key", "files", "events", "damaged", "size",
            "oldest",
        )  # fmt: skip
        for one in document["processes"]:
            table.add_row(
                str(one["pid"]),
                STATES[one["state"]],
                _key(one),
                f"{one['files']:,}",
                f"{one['events']:,}",
                f"{one['damaged']:,}",
                size(one["bytes"]),
                age(one["oldest_age_s"]),
            )
        yield table
    yield (
        f"{counted(totals['events'], 'event')} of"
        f" {counted(totals['processes'], 'process folder')},"
        f" {size(totals['bytes'])}; {counted(totals['left_events'], 'event')} left"
        " behind by processes that have ended."
    )
    for one in document["processes"]:
        yield from _oddities(one, f"process {one['pid']}: ")
    yield from _oddities(document, "")
    if document["dead_letters"]:
        yield f"{counted(document['dead_letters'], 'dead letter')}: see --dead."


def dead_lines(document: dict[str, Any]) -> Iterator[RenderableType]:
    """The document of `of_dead` for people."""
    totals = document["totals"]
    if document["letters"]:
        table = _table("reason", "status", "write key", "letters", "oldest")
        for one in document["letters"]:
            table.add_row(
                printable(one["reason"]),
                "-" if one["status"] is None else str(one["status"]),
                _key(one),
                f"{one['count']:,}",
                age(one["oldest_age_s"]),
            )
        yield table
    yield (
        f"{counted(totals['letters'], 'dead letter')} in"
        f" {counted(totals['files'], 'file')}, {size(totals['bytes'])}."
    )
    if totals["damaged"]:
        yield f"{counted(totals['damaged'], 'record')} can't be read."
    yield from _oddities(document, "")


def _oddities(document: dict[str, Any], of: str) -> Iterator[str]:
    for what, text in (
        ("unknown", "not of this version, left alone"),
        ("unreadable", "can't be read"),
    ):
        if names := document.get(what):
            yield f"{of}{text}: {', '.join(map(printable, names))}"


def _key(one: dict[str, Any]) -> str:
    whose = {True: "this one", False: "another", None: "?"}[one["is_own_key"]]
    return f"{printable(one['key'])} ({whose})"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        is_number = name in {"files", "events", "damaged", "size", "oldest", "letters"}
        table.add_column(
            Text(name), justify="right" if is_number else "left", no_wrap=True
        )
    return table
