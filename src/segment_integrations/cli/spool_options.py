"""The options that the commands of ``spool`` share, and how they end and answer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from rich.console import Console

from segment_integrations.cli.words import WrongCall
from segment_integrations.core import checks
from segment_integrations.delivery.record import FILE_MODE

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDE: Final = 120
"""Columns where the output is no terminal, so that no table is cut."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _folder(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Path:
    if not value:
        raise WrongCall("no folder: give --spool-dir or set SEGMENT_SPOOL_DIR")
    try:
        return checks.folder(value)
    except ValueError as error:
        raise WrongCall(f"--spool-dir {error}") from error


def common(command: _Command) -> _Command:
    """The options of every command."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option(
            "--dead", is_flag=True, help="Speak of the dead letters, not of the spool."
        ),
        click.option(
            "--spool-dir",
            "directory",
            metavar="DIR",
            envvar="SEGMENT_SPOOL_DIR",
            callback=_folder,
            help="The spool's folder.  [default: $SEGMENT_SPOOL_DIR]",
        ),
    ):
        command = option(command)
    return command


def filters(command: _Command) -> _Command:
    """The options that pick dead letters."""
    for option in (
        click.option(
            "--status",
            "statuses",
            metavar="STATUS",
            type=int,
            multiple=True,
            help="With --dead: only these, by the status of the answer; repeatable.",
        ),
        click.option(
            "--reason",
            "reasons",
            metavar="REASON",
            multiple=True,
            help="With --dead: only these, such as rejected; repeatable.",
        ),
    ):
        command = option(command)
    return command


key_option: Final = click.option(
    "--key",
    metavar="FINGERPRINT",
    help="Only what is of this write key; status shows the fingerprints.",
)
write_key_option: Final = click.option(
    "--write-key",
    metavar="KEY",
    envvar="SEGMENT_WRITE_KEY",
    help="The source's write key.  [default: $SEGMENT_WRITE_KEY]",
)


def check_filters(
    *, dead: bool, reasons: tuple[str, ...], statuses: tuple[int, ...] = ()
) -> None:
    """
    Refuse a filter of dead letters where nobody speaks of them.

    Raises:
        WrongCall: So it is.
    """
    if (reasons or statuses) and not dead:
        raise WrongCall("--reason and --status are about dead letters: add --dead")


def confirm(question: str, *, yes: bool) -> None:
    """
    Ask, unless *yes*.

    Raises:
        WrongCall: There is nobody to ask.
        click.Abort: The answer is no.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise WrongCall("nobody is there to be asked: give --yes")
    click.confirm(question, abort=True, err=True)


def say(
    document: dict[str, Any],
    lines: Iterable[RenderableType],
    *,
    as_json: bool,
    err: bool = False,
) -> None:
    """Print the *document*, or *lines* that say the same."""
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False), err=err)
        return
    console = Console(
        stderr=err, soft_wrap=True, highlight=False, markup=False, emoji=False
    )
    if not console.is_terminal:
        console.width = WIDE
    for line in lines:
        console.print(line)


@contextmanager
def disk_errors(done: str) -> Iterator[None]:
    """Tell what the disk refused in one line, and exit with 1."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(
            f"the folder can't be {done}: {error.strerror or type(error).__name__}"
        ) from error


@contextmanager
def opened(output: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Open a new file, readable by its owner only, or take standard output."""
    if output is None:
        yield sys.stdout.buffer.write
        return
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    except FileExistsError as error:
        raise WrongCall(f"{output} is there already, and is not overwritten") from error
    except OSError as error:
        raise WrongCall(f"{output} can't be written: {error.strerror}") from error
    with disk_errors("exported"), os.fdopen(descriptor, "wb") as file:
        yield file.write
