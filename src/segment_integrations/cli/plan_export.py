"""``segment-integrations plan export``: write the plan of typed events."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from segment_integrations.cli.words import WrongCall, counted, printable
from segment_integrations.errors import PlanError
from segment_integrations.plan.exporting.modules import exported_from

__all__ = ["export"]


@click.command
@click.argument("targets", metavar="MODULE[:NAME]...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to FILE instead of standard output.",
)
@click.option("--name", default="", help="The plan's name.")
@click.option("--id", "plan_id", default="", help="Segment's id of the plan.")
@click.option("--description", default="", help="A sentence about the plan.")
def export(
    targets: tuple[str, ...],
    *,
    output: Path | None,
    name: str,
    plan_id: str,
    description: str,
) -> None:
    """
    Write the tracking plan of typed events as JSON, as Segment's Public API has it.

    MODULE is imported, from this folder or where Python finds it: all of its
    subclasses of Event, Traits and View are taken. NAME is one class in it, or a list
    or tuple of classes. Exits with 0, or with 2 for what makes no plan.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        plan = exported_from(targets, name=name, id=plan_id, description=description)
    except PlanError as error:
        raise WrongCall(printable(error)) from error
    text = json.dumps(plan.document(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongCall(f"{output} can't be written: {error.strerror}") from error
    click.echo(f"{counted(len(plan.rules), 'rule')} written to {output}.", err=True)
