"""``segment-integrations dev``: the local collector in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from segment_integrations.dev import inspector
from segment_integrations.dev.server import DEFAULT_HOST, DEFAULT_PORT, serve
from segment_integrations.dev.store import default_database
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segment_integrations.dev.server import Collector
    from segment_integrations.dev.wire import RequestError
    from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["dev"]

_NAME_CHARS = 100
_STYLES = {
    "track": "green",
    "identify": "magenta",
    "page": "blue",
    "screen": "blue",
    "group": "yellow",
    "alias": "red",
}


class _Failure(click.ClickException):
    exit_code = 2


@click.command
@click.option(
    "--host", default=DEFAULT_HOST, show_default=True, help="The address to bind."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="The port to bind; 0 takes a free one.",
)
@click.option(
    "--database",
    metavar="PATH",
    help="The SQLite file to keep messages in, ':memory:' for a temporary one."
    "  [default: a file in your state directory]",
)
@click.option(
    "--plan",
    metavar="PLAN",
    help="A tracking plan, file or folder, to hold each message up to.",
)
@click.option("--quiet", is_flag=True, help="Print no line for each message.")
def dev(
    host: str, port: int, database: str | None, plan: str | None, *, quiet: bool
) -> None:
    """
    Run a local collector that shows what an app sends.

    It takes what Segment's HTTP Tracking API takes, answers mistakes with a 4xx that
    names them, and lists all messages on a page. Ctrl-C ends it.
    """
    out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)

    def on_ready(collector: Collector) -> None:
        out.print(f"Segment messages show up on {collector.url}/")
        out.print(f"Kept in {collector.database}")
        out.print(
            f"Point an app here: SEGMENT_HOST={collector.url} SEGMENT_WRITE_KEY=dev"
        )

    def on_messages(messages: Sequence[dict[str, Any]]) -> None:
        for message in messages:
            out.print(_line(message))

    def on_refused(refused: RequestError) -> None:
        at = "" if refused.index is None else f" (message {refused.index})"
        line = _printable(f"{refused.status} {refused.code}: {refused}{at}")
        out.print(Text("refused  ", "bold red") + Text(line))

    try:
        serve(
            host,
            port,
            database or default_database(),
            on_ready=on_ready,
            on_messages=None if quiet else on_messages,
            on_refused=None if quiet else on_refused,
            plan=None if plan is None else _loaded(plan),
        )
    except ConfigurationError as err:
        raise _Failure(str(err)) from err


def _loaded(path: str) -> TrackingPlan:
    """Read the plan here, so that without one nothing of plans is imported."""
    from segment_integrations.plan.enforcing.open import loaded

    if not Path(path).exists():
        raise ConfigurationError(
            f"--plan must be a file or folder that exists, and {path!r} does not"
        )
    return loaded(Path(path), "--plan")


def _line(message: dict[str, Any]) -> Text:
    """One message in one line: call, name, who."""
    call = message["type"]
    line = Text(f"{call:<9}", _STYLES[call])
    line.append(_printable(inspector.title(message)) or "-", "bold")
    for field in ("userId", "anonymousId"):
        if message.get(field):
            line.append(f"  {field}={_printable(message[field])}", "dim")
    for kind, field, _ in inspector.violations(message):
        line.append(f"  {_printable(f'{kind} {field}')}", "red")
    return line


def _printable(text: str) -> str:
    """Cut *text* to one line without control characters, which drive a terminal."""
    shown = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text
    )
    return shown if len(shown) <= _NAME_CHARS else shown[: _NAME_CHARS - 1] + "…"
