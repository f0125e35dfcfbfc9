"""``segment-integrations plan scan``: hold the events of source code against a plan."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from segment_integrations.cli.plan_words import json_option
from segment_integrations.cli.words import WrongCall, counted, printable
from segment_integrations.errors import PlanError
from segment_integrations.plan.scanning.scan import scan as scanned
from segment_integrations.plan.tracking import TrackingPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from segment_integrations.plan.scanning.scan import Remark, Report

__all__ = ["scan"]

_WORKERS_MAX = 4
"""Processes that read; more would wait for the one that puts it all together."""


@click.command
@click.argument(
    "paths",
    metavar="PATH...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option(
    "--plan",
    "plan_path",
    metavar="PLAN",
    envvar="SEGMENT_PLAN",
    type=click.Path(exists=True, path_type=Path),
    help="The plan: a JSON file, or a folder.  [default: $SEGMENT_PLAN]",
)
@click.option(
    "--exclude",
    metavar="GLOB",
    multiple=True,
    help="Files and folders to leave out, by name or path; repeatable.",
)
@click.option(
    "--any-track",
    is_flag=True,
    help='Take each track("...") for ours, whoever is called.',
)
@click.option(
    "--allow-unfired",
    is_flag=True,
    help="Say nothing of planned events that no code fires.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "github"]),
    default="text",
    show_default=True,
    help="How remarks are written: as of a linter, or as annotations in GitHub.",
)
@json_option
@click.pass_context
def scan(
    ctx: click.Context,
    paths: tuple[Path, ...],
    *,
    plan_path: Path | None,
    exclude: tuple[str, ...],
    any_track: bool,
    allow_unfired: bool,
    style: str,
    as_json: bool,
) -> None:
    """
    Compare the events that Python code fires with a plan. Nothing is imported.

    PATH is a file or a folder. Reports events that are not in the plan, properties that
    do not fit, and planned events that no code fires. Exits with 0 if there are none, 1
    if there are some, 2 for a wrong call. A line that says "# segment: ignore" is left
    out.
    """
    if plan_path is None:
        raise WrongCall("no plan: give --plan or set SEGMENT_PLAN")
    try:
        plan = TrackingPlan.load(plan_path)
    except PlanError as error:
        raise WrongCall(printable(error)) from error
    with _progress() as on_progress:
        report = scanned(
            paths,
            plan,
            exclude=exclude,
            any_track=any_track,
            on_progress=on_progress,
            workers=min(os.cpu_count() or 1, _WORKERS_MAX),
        )
    left_out = {"unfired"} if allow_unfired else set()
    findings = [one for one in report.findings if one.kind not in left_out]
    if as_json:
        document = report.document()
        document["findings"] = [
            one for one in document["findings"] if one["kind"] not in left_out
        ]
        click.echo(json.dumps({"ok": not findings, **document}, ensure_ascii=False))
    else:
        write = _annotation if style == "github" else _line
        for one in report.remarks:
            if one.kind not in left_out:
                click.echo(write(one))
        click.echo(_summary(report, len(findings)))
    ctx.exit(1 if findings else 0)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], object] | None]:
    """A bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns: Any = (TextColumn("Reading"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _line(one: Remark) -> str:
    return printable(one)


def _annotation(one: Remark) -> str:
    """
    A workflow command of GitHub.

    Source: GitHub, Workflow commands for GitHub Actions, "Setting an error message".
    """
    level = "notice" if one.is_note else "error"
    fields = {"file": one.path}
    if one.line:
        fields |= {"line": str(one.line), "col": str(one.column)}
    given = ",".join(f"{name}={_escaped(text)}" for name, text in fields.items())
    return f"::{level} {given}::{_escaped(one.text, in_field=False)}"


def _escaped(text: str, *, in_field: bool = True) -> str:
    for char in "%\r\n:," if in_field else "%\r\n":
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def _summary(report: Report, findings: int) -> str:
    return (
        f"{counted(report.files, 'file')},"
        f" {counted(len(report.fired), 'event')} fired:"
        f" {counted(findings, 'finding')}, {counted(len(report.notes), 'note')}."
    )
