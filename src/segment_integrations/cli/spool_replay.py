"""``segment-integrations spool replay``: deliver what ended processes left."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from segment_integrations.cli import spool_dead, spool_delivery
from segment_integrations.cli.spool_delivery import Result, Target
from segment_integrations.cli.spool_options import (
    check_filters,
    common,
    disk_errors,
    filters,
    say,
    write_key_option,
)
from segment_integrations.cli.spool_survey import survey
from segment_integrations.cli.words import (
    DAY_S,
    INTERRUPTED,
    age,
    bare_url,
    counted,
    key_start,
    log_kept_back,
    size,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segment_integrations.core.stats import Stats

PATIENCE_S: Final = 30.0
"""Source: ours; some five attempts with the waits between them."""

FORGOTTEN_S: Final = DAY_S
"""How long a messageId is known. Source: Segment; reference on delivery, 1."""

TWICE: Final = (
    "Segment forgets a messageId after 24 hours: an older event that it had taken"
    " already may be counted twice."
)


@click.command(
    epilog=f"{TWICE} Times stay right: timestamp is the call's, sentAt the attempt's."
)
@common
@filters
@write_key_option
@click.option(
    "--host", metavar="URL", help="Where to send.  [default: $SEGMENT_HOST, or Segment]"
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=PATIENCE_S,
    show_default=True,
    help="Stops after so long without progress.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be sent, send nothing.")
def replay(
    directory: Path,
    *,
    write_key: str | None,
    host: str | None,
    timeout: float,
    reasons: tuple[str, ...],
    statuses: tuple[int, ...],
    dead: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """
    Deliver what processes left that have ended.

    Of this write key only, with the settings of the environment. What a living process
    has is left to it. With --dead, dead letters are put back into the spool first and
    then delivered with what is there, under their own messageId. Ctrl-C is safe: what
    is not delivered stays in the spool.

    Exits with 0 when all was delivered, 1 when something is left, 2 for wrong options.
    """
    check_filters(dead=dead, reasons=reasons, statuses=statuses)
    target = Target.resolve(directory, write_key, host, os.environ)
    wanted = (
        spool_delivery.wanted_of(
            target, reasons=frozenset(reasons), statuses=frozenset(statuses)
        )
        if dead
        else None
    )
    if dry_run:
        document = _preview(target, wanted)
        say(document, _preview_lines(document), as_json=as_json)
        return
    with log_kept_back(), disk_errors("replayed"):
        result = _replayed(target, wanted, timeout)
    say(asdict(result), _lines(result), as_json=as_json)
    if result.interrupted:
        sys.exit(INTERRUPTED)
    sys.exit(0 if result.is_complete else 1)


def _replayed(
    target: Target, wanted: spool_dead.Wanted | None, patience: float
) -> Result:
    """Put dead letters back where *wanted* says so, and deliver all."""
    put_back = too_large = 0
    if wanted is not None:
        found = spool_dead.find(target.directory, wanted)
        too_large = found.too_large
        if found.letters:
            put_back = spool_delivery.put_back(target, wanted)
    if not target.directory.is_dir() or (wanted is not None and not put_back):
        return Result(too_large=too_large)
    total, _, _ = spool_delivery.sort_out(survey(target.directory), target.key)
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[trouble]}"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:
        task = progress.add_task("events", total=total, trouble="")

        def tell(stats: Stats) -> None:
            progress.update(
                task,
                completed=stats.enqueued - stats.pending_events,
                trouble=f"({stats.last_error})" if stats.last_error else "",
            )

        result = spool_delivery.replay(target, patience, tell)
    result.put_back, result.too_large = put_back, too_large
    return result


def _lines(result: Result) -> Iterator[str]:
    if result.put_back:
        yield f"{counted(result.put_back, 'dead letter')} put back into the spool."
    yield f"{counted(result.delivered, 'event')} delivered."
    if result.left:
        yield f"{counted(result.left, 'event')} left in the spool: {result.reason}."
    elif result.reason:
        yield f"Not all was looked at: {result.reason}."
    if result.dead:
        yield (
            f"{counted(result.dead, 'event')} set aside as dead letters: the endpoint"
            f" will never take them (last answer: {result.last_error})."
        )
    if result.damaged:
        yield f"{counted(result.damaged, 'damaged record')} could not be read."
    yield from _left_alone(asdict(result))


def _preview(target: Target, wanted: spool_dead.Wanted | None) -> dict[str, Any]:
    """What a replay would find now."""
    processes = survey(target.directory)
    events, alive, another = spool_delivery.sort_out(processes, target.key)
    mine = [
        one
        for one in processes
        if one.state == "left" and one.folder.fingerprint == target.key
    ]
    times = [one.begun_at for one in mine if one.begun_at is not None]
    letters = too_large = 0
    if wanted is not None:
        found = spool_dead.find(target.directory, wanted)
        letters, too_large = len(found.letters), found.too_large
        given_up = map(spool_dead.given_up_at, found.letters)
        times += [at for at in given_up if at is not None]
    is_idle = wanted is not None and not letters
    return {
        "host": bare_url(target.settings.host),
        "write_key": key_start(target.write_key),
        "would_send": 0 if is_idle else events + letters,
        "would_put_back": letters,
        "processes": len(mine),
        "bytes": sum(one.size for one in mine),
        "oldest_age_s": round(time.time() - min(times), 1) if times else None,
        "too_large": too_large,
        "alive": alive,
        "another_key": another,
    }


def _preview_lines(document: dict[str, Any]) -> Iterator[str]:
    if document["would_put_back"]:
        letters = counted(document["would_put_back"], "dead letter")
        yield f"{letters} would be put back into the spool."
    yield (
        f"{counted(document['would_send'], 'event')} would be sent to"
        f" {document['host']} with the write key {document['write_key']}"
        f" ({size(document['bytes'])} of"
        f" {counted(document['processes'], 'process folder')} in the spool)."
    )
    oldest = document["oldest_age_s"]
    if oldest is not None and oldest > FORGOTTEN_S:
        yield f"The oldest is {age(oldest)} old. {TWICE}"
    yield from _left_alone(document)


def _left_alone(document: dict[str, Any]) -> Iterator[str]:
    """What a replay does not touch, and why."""
    if document["too_large"]:
        yield (
            f"{counted(document['too_large'], 'dead letter')} over the size that an"
            " endpoint takes: left as they are, for they can never be delivered."
        )
    if document["alive"]:
        yield (
            f"{counted(document['alive'], 'event')} of processes that are alive: they"
            " send them."
        )
    if document["another_key"]:
        yield f"{counted(document['another_key'], 'event')} of another write key."
