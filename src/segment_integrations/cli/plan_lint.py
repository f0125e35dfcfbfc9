"""``segment-integrations plan lint``: do a plan's names keep to the conventions?"""

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
from segment_integrations.plan.linting.lint import RULES
from segment_integrations.plan.linting.lint import lint as findings_of
from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["lint"]


@click.command
@click.argument("path", metavar="PLAN", type=PLAN)
@click.option(
    "--ignore",
    metavar="RULE",
    type=click.Choice(list(RULES)),
    multiple=True,
    help=f"Do not look for it; repeatable: {', '.join(RULES)}.",
)
@json_option
@click.pass_context
def lint(
    ctx: click.Context, path: Path, *, ignore: tuple[str, ...], as_json: bool
) -> None:
    """
    Find names in PLAN that do not keep to the conventions.

    Events are named Object Action in Title Case, such as 'Order Completed', and
    properties have one spelling and one type throughout the plan. Exits with 0 if all
    keep to it, 1 if there is an error, 2 for a wrong call or plan.
    """
    plan = TrackingPlan.load(path)
    findings = findings_of(plan, ignore=ignore)
    document = findings_document(path, findings, len(plan.rules))
    say(document, findings_lines(document), as_json=as_json)
    ctx.exit(0 if document["ok"] else 1)
