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


def starts(command: str) -> bool:
    """Whether *command* is a Python that starts: pyenv's shims need not be one."""
    ran = subprocess.run([command, "-V"], capture_output=True, check=False)  # noqa: S603 - a fixed argument
    return ran.returncode == 0


def installed(version: str) -> str | None:
    """
    What nox calls a Python *version* by, or None where the machine has none.

    By its version where PATH leads to it, else by where pyenv keeps it.
    """
    name = shutil.which(f"python{version}")
    if name and starts(name):
        return version
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for path in sorted(pyenv.glob(f"{version}.*/bin/python")):
        if starts(str(path)):
            return str(path)
    if sys.version_info[:2] == tuple(int(part) for part in version.split(".")):
        return sys.executable
    return None


PYTHONS = [found for version in SUPPORTED if (found := installed(version))]


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
    session.run("coverage", "run", "-m", "pytest", "-n", "auto", *session.posargs)
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report", "--format=total")


# -- the long forms: not part of the default, run before a release ------------------


@nox.session
def processes(session: nox.Session) -> None:
    """Kill 200 processes; fork 1,000 times, half of them without Python's hooks."""
    install(session, "tests")
    session.run(
        "pytest",
        "-q",
        "tests/delivery",
        "-k",
        "case_01 or case_11 or case_17",
        *session.posargs,
        env={
            "SEGMENT_TEST_KILLS": "200",
            "SEGMENT_TEST_FORKS": "1000",
            "SEGMENT_TEST_STORMS": "20",
        },
    )


@nox.session
def soak(session: nox.Session) -> None:
    """Ten minutes at 2,000 events a second against a collector with changing faults."""
    install(session, extras="cli")
    session.run("python", "benchmarks/soak.py", *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """What an event costs with each client; writes the plot of the docs."""
    install(session, "benchmarks", extras="demo")
    arguments = session.posargs or ["--spool", "--svg", "benchmarks/delivery.svg"]
    session.run("python", "benchmarks/delivery.py", *arguments)


@nox.session
def faults(session: nox.Session) -> None:
    """What each client loses, and when: the table of the docs."""
    install(session, "benchmarks", extras="demo")
    session.run("python", "benchmarks/faults.py", *session.posargs)
