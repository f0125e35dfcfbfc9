"""Sessions: each is a few lines; what they install is named once, in pyproject.toml."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

PYPROJECT = nox.project.load_toml("pyproject.toml")
SUPPORTED = ("3.11", "3.12", "3.13")

nox.options.sessions = ["lint", "types", "tests"]
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True


def installed(version: str) -> str | None:
    """
    The path of a Python *version* that starts, or None.

    A name on PATH is no proof: pyenv's shims are there for versions that are not
    switched on, and then fail. Its versions are looked up where it keeps them.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [
        sys.executable if running == version else None,
        shutil.which(f"python{version}"),
        *(str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python"))),
    ]
    for path in candidates:
        if path and subprocess.run([path, "-V"], capture_output=True).returncode == 0:  # noqa: S603, PLW1510 - a fixed argument, and the code is looked at
            return path
    return None


PYTHONS = [path for version in SUPPORTED if (path := installed(version))]


def install(session: nox.Session, *groups: str, extras: str = "all") -> None:
    """Install this package with *extras*, and the dependency *groups*."""
    session.install(
        "-q",
        f".[{extras}]",
        *nox.project.dependency_groups(PYPROJECT, *groups),
    )


@nox.session
def lint(session: nox.Session) -> None:
    session.install("-q", *nox.project.dependency_groups(PYPROJECT, "lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")


@nox.session
def types(session: nox.Session) -> None:
    install(session, "typing")
    session.run("mypy")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    install(session, "tests")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report", "--format=total")
