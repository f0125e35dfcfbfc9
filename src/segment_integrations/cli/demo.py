"""``segment-integrations demo``: a shop that sends events, and what it sends."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final, get_args

import click
from rich.console import Console
from rich.text import Text

from segment_integrations.demo.run import SHOP_PORT, Options, run
from segment_integrations.demo.server import DemoFailed, Framework, PortTaken, missing
from segment_integrations.dev.server import DEFAULT_PORT
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

STYLES: Final = {"page": "cyan", "track": "green", "identify": "magenta"}
INTERRUPTED: Final = 130
ID_CHARS: Final = 8


@click.command()
@click.option(
    "--framework",
    type=click.Choice(get_args(Framework)),
    default="fastapi",
    show_default=True,
    help="What the shop is written in.",
)
@click.option("--once", is_flag=True, help="Make one scripted visit, then end.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the messages as JSON lines."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"The shop's port; {SHOP_PORT} if it is free, else any.",
)
@click.option(
    "--collector-port",
    type=click.IntRange(0, 65535),
    help=f"The collector's port; {DEFAULT_PORT} if it is free, else any.",
)
def demo(
    framework: Framework,
    *,
    once: bool,
    as_json: bool,
    port: int | None,
    collector_port: int | None,
) -> None:
    """
    Run a small shop and watch its events arrive.

    The shop is a real one under a real server; its events go to a collector on this
    machine and nowhere else.
    """
    _require(framework)
    notes = Console(stderr=True, soft_wrap=True, highlight=False)
    out = Console(soft_wrap=True, highlight=False)

    def show(message: dict[str, Any]) -> None:
        if as_json:
            click.echo(json.dumps(message, ensure_ascii=False))
        else:
            out.print(line(message))

    def say(text: str) -> None:
        (notes if as_json else out).print(Text(text))

    options = Options(framework, once, port, collector_port)
    try:
        run(options, show=show, say=say)
    except DemoFailed as failed:
        if failed.log:
            notes.print(Text(failed.log, "dim"))
        raise click.ClickException(str(failed)) from failed
    except (PortTaken, ConfigurationError) as err:
        raise _WrongCall(str(err)) from err
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED if once else 0)


class _WrongCall(click.ClickException):
    exit_code = 2


def _require(framework: Framework) -> None:
    """Fail now, in this process, rather than in the server's log."""
    if framework != "fastapi" and sys.platform == "win32":
        raise _WrongCall("gunicorn does not run on Windows: choose --framework fastapi")
    if names := missing(framework):
        raise ModuleNotFoundError(f"no module {names[0]}", name=names[0])


def line(message: Mapping[str, Any]) -> Text:
    """One message as a line: when, what, and who."""
    kind = str(message.get("type", ""))
    name = message.get("event") or message.get("name") or ""
    if kind == "page":
        name = message.get("properties", {}).get("path", name)
    return Text.assemble(
        (str(message.get("timestamp", ""))[11:19], "dim"),
        "  ",
        (_printable(kind).ljust(9), STYLES.get(kind, "")),
        _printable(name).ljust(28),
        ("  user ", "dim"),
        _printable(message.get("userId") or "-").ljust(ID_CHARS),
        ("  anonymous ", "dim"),
        _printable(message.get("anonymousId") or "-")[:ID_CHARS],
    )


def _printable(value: object) -> str:
    """*value* without what a terminal would take for a command."""
    return "".join(char if char.isprintable() else "?" for char in str(value))
