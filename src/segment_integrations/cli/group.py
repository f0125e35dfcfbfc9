"""The group of all commands; a command's module is imported when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

import click

from segment_integrations import __version__
from segment_integrations.errors import ConfigurationError

__all__ = ["COMMANDS", "Lazy", "LazyGroup", "cli"]


class Lazy(NamedTuple):
    """
    Where a command comes from.

    Args:
        module: Has a click command of the command's name.
        extra: What has to be installed for it.
        help: The line in the list of commands, there even if the extra is not.
    """

    module: str
    extra: str
    help: str


COMMANDS: Final = {
    "demo": Lazy(
        "segment_integrations.cli.demo",
        "demo",
        "Run a small shop in three frameworks and watch its events.",
    ),
    "dev": Lazy(
        "segment_integrations.cli.dev",
        "dev",
        "Run a local collector that shows what an app sends.",
    ),
    "doctor": Lazy(
        "segment_integrations.cli.doctor",
        "cli",
        "Check settings, network, clock and disk, and send a test event.",
    ),
    "plan": Lazy(
        "segment_integrations.cli.plan",
        "plan",
        "Check, compare and use a tracking plan.",
    ),
    "spool": Lazy(
        "segment_integrations.cli.spool",
        "cli",
        "Look at, send again, export or delete what is kept on disk.",
    ),
}


class _Failure(click.ClickException):
    exit_code = 2


class LazyGroup(click.Group):
    """
    A group whose commands are imported when they are called.

    Args:
        table: The commands, by name.
    """

    def __init__(self, *args: Any, table: Mapping[str, Lazy], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._table = table

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names in the table, whether or not their extras are installed."""
        return sorted(self._table)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name."""
        if cmd_name not in self._table:
            return None
        lazy = self._table[cmd_name]
        try:
            module = import_module(lazy.module)
        except ModuleNotFoundError as missing:
            raise _explained(cmd_name, lazy, missing) from missing
        except ConfigurationError as error:  # says which extra is missing
            raise _Failure(str(error)) from error
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - the table says so
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands from the table, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, self._table[name].help) for name in self.list_commands(ctx)]
            )

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, which may import its parts only now."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as missing:
            name = ctx.invoked_subcommand
            if name is None or name not in self._table:
                raise
            raise _explained(name, self._table[name], missing) from missing
        except ConfigurationError as error:
            raise _Failure(str(error)) from error


def _explained(name: str, lazy: Lazy, missing: ModuleNotFoundError) -> Exception:
    """Tell which extra the command *name* lacks; a fault of ours stays as it is."""
    if missing.name is None:
        return missing
    if missing.name == lazy.module:
        return _Failure(f"{name} is not part of this version")
    if missing.name.partition(".")[0] == "segment_integrations":
        return missing
    return _Failure(
        f"{name} needs {missing.name.partition('.')[0]}:"
        f" pip install 'segment-integrations[{lazy.extra}]'"
    )


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)
@click.version_option(__version__, prog_name="segment-integrations")
def cli() -> None:
    """Product analytics for Python web apps, delivered to Segment."""
