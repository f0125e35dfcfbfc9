"""``segment-integrations spool``: look at, send, copy and delete what is on disk."""

from __future__ import annotations

import time
from pathlib import Path

import click

from segment_integrations.cli import (
    spool_dead,
    spool_export,
    spool_purge,
    spool_status,
)
from segment_integrations.cli.spool_options import (
    check_filters,
    common,
    confirm,
    disk_errors,
    filters,
    key_option,
    opened,
    say,
    write_key_option,
)
from segment_integrations.cli.spool_replay import replay
from segment_integrations.cli.words import DAY_S, counted

__all__ = ["spool"]


@click.group
def spool() -> None:
    """
    Look at, send again, export or delete what is kept on disk.

    The spool holds what processes could not deliver, dead letters are what the
    endpoint will never take. No value of an event is shown without --show-values.
    """


spool.add_command(replay)


@spool.command
@common
@write_key_option
def status(
    directory: Path, write_key: str | None, *, dead: bool, as_json: bool
) -> None:
    """
    Tell what is there: processes, events, sizes, ages.

    Changes nothing, and disturbs no process. Exits with 0.
    """
    if dead:
        document = spool_status.of_dead(directory, write_key)
        say(document, spool_status.dead_lines(document), as_json=as_json)
    else:
        document = spool_status.of_spool(directory, write_key)
        say(document, spool_status.spool_lines(document), as_json=as_json)


@spool.command
@common
@filters
@key_option
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A new file for them, readable by you only.  [default: standard output]",
)
@click.option(
    "--show-values", is_flag=True, help="Write the events as they are: personal data."
)
def export(
    directory: Path,
    *,
    key: str | None,
    output: Path | None,
    reasons: tuple[str, ...],
    statuses: tuple[int, ...],
    dead: bool,
    show_values: bool,
    as_json: bool,
) -> None:
    """
    Write the events as JSON lines.

    Names, and the values of type, event, messageId and timestamp, are as they are;
    every other value is replaced by its type, "<str>", unless --show-values is given.
    Nothing is deleted. A summary follows on standard error, or with --output on
    standard output.
    """
    check_filters(dead=dead, reasons=reasons, statuses=statuses)
    damaged: list[int] = []
    if dead:
        wanted = spool_dead.Wanted(
            key=key, reasons=frozenset(reasons), statuses=frozenset(statuses)
        )
        lines = spool_export.of_dead(
            directory, wanted, show_values=show_values, damaged=damaged.append
        )
    else:
        lines = spool_export.of_spool(
            directory, key, show_values=show_values, damaged=damaged.append
        )
    count = 0
    with opened(output) as write:
        for line in lines:
            write(line + b"\n")
            count += 1
    text = f"{counted(count, 'dead letter' if dead else 'event')} exported"
    if broken := sum(damaged):
        text += f", {counted(broken, 'damaged record')} left out"
    say(
        {"exported": count, "damaged": sum(damaged)},
        [f"{text}."],
        as_json=as_json,
        err=output is None,
    )


@spool.command
@common
@key_option
@click.option(
    "--reason",
    "reasons",
    metavar="REASON",
    multiple=True,
    help="With --dead: only these, such as rejected; repeatable.",
)
@click.option(
    "--older-than",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    help="Only what is older.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would go, delete nothing.")
def purge(
    directory: Path,
    *,
    key: str | None,
    reasons: tuple[str, ...],
    older_than: float | None,
    dead: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """
    Delete what processes left that have ended, or dead letters.

    What a living process has is never touched. Asks first; where there is nobody to
    ask, --yes must be given. There is no way back: see export.
    """
    check_filters(dead=dead, reasons=reasons)
    before = None if older_than is None else time.time() - older_than * DAY_S
    wanted = spool_dead.Wanted(
        key=key,
        reasons=frozenset(reasons),
        before=before,
        damaged=not reasons and before is None,
    )
    leftovers = spool_purge.Leftovers(key, before)
    if dead:
        found = spool_dead.find(directory, wanted)
        broken = found.damaged if wanted.damaged else 0
        count, what, is_nothing = (
            len(found.letters),
            "dead letter",
            not (found.letters or broken),
        )
    else:
        gone = spool_purge.preview(directory, leftovers)
        count, what, is_nothing = gone.events, "event", not gone.files
    if is_nothing or dry_run:
        text = (
            "Nothing to delete." if is_nothing else f"{counted(count, what)} would go."
        )
        say({"deleted": 0, "would_delete": count}, [text], as_json=as_json)
        return
    confirm(f"Delete {counted(count, what)} of {directory} for good?", yes=yes)
    with disk_errors("purged"):
        deleted = (
            spool_dead.take(directory, wanted)
            if dead
            else spool_purge.purge(directory, leftovers).events
        )
    say(
        {"deleted": deleted, "would_delete": 0},
        [f"{counted(deleted, what)} deleted."],
        as_json=as_json,
    )
