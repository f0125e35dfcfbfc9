"""``segment-integrations plan check``: is a plan itself sound?"""

from __future__ import annotations

from pathlib import Path

import click

from segment_integrations.cli.plan_words import (
    PLAN,
    findings_document,
    findings_lines,
    json_option,
)
from segment_integrations.cli.spool_options import say
from segment_integrations.plan.linting.refused import examined
from segment_integrations.plan.linting.sound import faults

__all__ = ["check"]


@click.command
@click.argument("path", metavar="PLAN", type=PLAN)
@json_option
@click.pass_context
def check(ctx: click.Context, path: Path, *, as_json: bool) -> None:
    """
    Find what is wrong with PLAN, a JSON file or a folder of JSON Schema files.

    Tells all that makes the plan unusable, then what no event can keep to, what does
    nothing, and what Segment does not support. Exits with 0 if the plan is sound, 1
    if there is an error, 2 for a wrong call.
    """
    plan, refused = examined(path)
    findings = [*refused, *faults(plan)]
    document = findings_document(path, findings, len(plan.rules))
    say(document, findings_lines(document), as_json=as_json)
    ctx.exit(0 if document["ok"] else 1)
