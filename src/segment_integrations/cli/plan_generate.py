"""``segment-integrations plan generate``: write typed events of a plan."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click

from segment_integrations.cli.plan_words import PLAN
from segment_integrations.cli.words import WrongCall, counted
from segment_integrations.plan.generating.generate import GENERATED
from segment_integrations.plan.generating.generate import generate as generated
from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["generate"]


@click.command
@click.argument("path", metavar="PLAN", type=PLAN)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to FILE instead of standard output.",
)
@click.option(
    "--module",
    metavar="NAME",
    help="The name that it is imported by.  [default: that of the file]",
)
@click.option("--check", is_flag=True, help="Write nothing; is FILE up to date?")
@click.option("--force", is_flag=True, help="Replace a FILE that was not generated.")
@click.pass_context
def generate(
    ctx: click.Context,
    path: Path,
    *,
    output: Path | None,
    module: str | None,
    check: bool,
    force: bool,
) -> None:
    """
    Write a Python module with a class for each event of PLAN.

    PLAN is a JSON file or a folder of JSON Schema files. A FILE that was not generated
    is left alone. Exits with 0, with 1 if --check finds that FILE is not what would be
    written, or with 2 for a wrong call or plan.
    """
    if check and output is None:
        raise WrongCall("--check needs a file to check: add -o FILE")
    source = _source(path, module or _module(output))
    if output is None:
        click.echo(source, nl=False)
        return
    before = _read(output)
    if check:
        if before != source:
            click.echo(f"{output} is not up to date with {path}: generate it again.")
            ctx.exit(1)
        click.echo(f"{output} is up to date with {path}.")
        return
    if before and not force and not before.startswith(GENERATED):
        raise WrongCall(
            f"{output} was not generated, so it is left alone: choose another file, or"
            " replace it with --force"
        )
    _write(output, source)
    click.echo(f"{counted(source.count(chr(10)), 'line')} written to {output}.")


def _source(path: Path, module: str) -> str:
    try:
        return generated(TrackingPlan.load(path), module=module)
    except ValueError as error:
        raise WrongCall(str(error)) from error
    except RecursionError:  # such as a hundred lists in each other, in an enum
        raise WrongCall(f"{path} holds values with too many levels") from None


def _module(output: Path | None) -> str:
    """The name by which *output* can be imported."""
    stem = "events" if output is None else output.stem
    return stem if stem.isidentifier() and stem.isascii() else "events"


def _read(output: Path) -> str | None:
    """What is in *output*, whatever the ends of its lines; None if there is no file."""
    try:
        return output.read_text("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return "not ours"
    except OSError as error:
        raise WrongCall(f"{output} can't be read: {error.strerror}") from error


def _write(output: Path, source: str) -> None:
    """Write all of it or nothing, with the permissions of the file that was there."""
    target = output.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_text(source, "utf-8", newline="\n")
            if target.exists():
                shutil.copymode(target, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise WrongCall(f"{output} can't be written: {error.strerror}") from error
