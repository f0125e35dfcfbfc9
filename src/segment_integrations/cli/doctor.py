"""``segment-integrations doctor``: what is wrong between a program and its events."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.text import Text

from segment_integrations.cli import (
    doctor_machine,
    doctor_network,
    doctor_send,
    doctor_settings,
)
from segment_integrations.cli.words import WrongCall, counted, log_kept_back, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from segment_integrations.cli.doctor_settings import Finding

__all__ = ["doctor"]

TIMEOUT_S: Final = 5.0

STYLES: Final = {"ok": "green", "warning": "yellow", "failed": "bold red"}
_NAME_CHARS: Final = 13
_STATE_CHARS: Final = 8


@click.command
@click.option("--write-key", metavar="KEY", help="Instead of that of the environment.")
@click.option("--host", metavar="URL", help="Instead of that of the environment.")
@click.option("--spool-dir", metavar="DIR", help="Instead of that of the environment.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=TIMEOUT_S,
    show_default=True,
    help="For each check that asks the network.",
)
@click.option("--send", is_flag=True, help="Send one test event and wait for it.")
@click.option("--offline", is_flag=True, help="Ask nothing of the network.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(
    *,
    write_key: str | None,
    host: str | None,
    spool_dir: str | None,
    timeout: float,
    send: bool,
    offline: bool,
    as_json: bool,
) -> None:
    """
    Check what stands between a program and its events.

    Settings, write key, host and region, plan, spool, servers, versions, network and
    clock: a line each, with what to do. The settings are those of the environment, so
    run it where the program runs. The network checks contact the host of the settings
    and nothing else; nothing is sent to it without --send.

    Exits with 0 when nothing failed, 1 when something did, 2 for wrong options.
    """
    if send and offline:
        raise WrongCall("--send needs the network: leave --offline out")
    options = {"write_key": write_key, "host": host, "spool_dir": spool_dir}
    out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    findings: list[Finding] = []
    with log_kept_back():
        for finding in _findings(options, timeout, send=send, offline=offline):
            findings.append(finding)
            if not as_json:
                out.print(_line(finding))
    states = Counter(finding.state for finding in findings)
    if as_json:
        checks = [asdict(finding) for finding in findings]
        click.echo(
            json.dumps(
                {"ok": not states["failed"], "checks": checks}, ensure_ascii=False
            )
        )
    else:
        out.print(
            f"{states['failed']} failed, {counted(states['warning'], 'warning')}."
        )
    sys.exit(1 if states["failed"] else 0)


def _findings(
    options: Mapping[str, object], timeout: float, *, send: bool, offline: bool
) -> Iterator[Finding]:
    settings, found = doctor_settings.resolve(options, os.environ)
    yield from found
    yield doctor_settings.write_key(settings)
    yield doctor_settings.host(settings)
    yield doctor_settings.gzip(settings)
    yield doctor_settings.plan(settings)
    yield from doctor_machine.spool(settings)
    yield from doctor_machine.dead_letters(settings)
    yield from doctor_machine.fork_mode(os.environ, Path.cwd())
    yield doctor_machine.versions()
    if not offline:
        yield from doctor_network.check(settings, timeout)
    if send and settings.write_key is not None:
        yield doctor_send.send(settings, timeout)


def _line(finding: Finding) -> Text:
    text = Text.assemble(
        (finding.state.ljust(_STATE_CHARS), STYLES[finding.state]),
        (finding.check.ljust(_NAME_CHARS), "bold"),
        printable(finding.text),
    )
    if finding.advice:
        text.append(f" ({printable(finding.advice)})", "dim")
    return text
