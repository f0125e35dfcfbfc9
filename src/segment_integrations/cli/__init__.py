"""
The command line: ``segment-integrations`` and ``python -m segment_integrations``.

This module needs nothing but the standard library, so that a missing extra is told
in one line. Each command's parts are imported when it is called.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """
    Run the command line and exit.

    Args:
        argv: The arguments after the program's name; None takes `sys.argv`.

    Raises:
        SystemExit: Always. 0 for success, 2 for a wrong call or setting or a
            missing extra.
    """
    try:
        from segment_integrations.cli.group import cli
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("segment_integrations"):
            raise
        sys.stderr.write(
            f"The command line needs {missing.name}:"
            " pip install 'segment-integrations[cli]'\n"
        )
        sys.exit(2)
    cli.main(args=argv, prog_name="segment-integrations")
