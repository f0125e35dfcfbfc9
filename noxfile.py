"""Sessions: each is a few lines; what they install is named once, in pyproject.toml."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nox

PYPROJECT = nox.project.load_toml("pyproject.toml")
SUPPORTED = ("3.11", "3.12", "3.13")
PREFERRED = "3.12"
"""The one Python that both Django 4.2 and the newest Django support."""

WITHOUT_FRAMEWORKS = [
    f"--ignore=tests/{name}"
    for name in (
        "analytics_python",
        "cli",
        "core",
        "delivery",
        "demo",
        "dev",
        "plan",
        "test_docs.py",
    )
]
"""What old frameworks have no part in: the client alone, the demos, the docs."""

LINES: dict[str, list[str]] = {
    "oldest": [],  # the floors of pyproject.toml: `floors`
    "middle": [
        "anyio==4.10.*",
        "django==5.2.*",
        "fastapi==0.136.*",
        "flask==3.0.*",
        "litestar==2.15.*",
        "quart==0.19.*",
        "starlette==1.3.*",
        "werkzeug==3.0.*",
    ],
    "routing": ["fastapi==0.137.0"],  # where included routers became nodes of their own
    "newest": [],
}

NOT_WITH_OLDEST = ("quart", "litestar", "plan")
"""
What can't be beside the others' oldest; `middle` has the oldest of the first two.

Quart is built on Flask 3.0. Litestar needs the package multipart, whose module the
python-multipart of Starlette 0.40 replaces by its own. Plans need a newer msgspec than
everything else.
"""

ERA = ["anyio==4.10.*", "werkzeug==2.3.*"]
"""What old frameworks came with, where no extra of ours names it."""

INSTEAD = {
    "3.12": {"celery==5.3.*": "celery==5.4.*"},
    "3.13": {
        "aiohttp==3.9.*": "aiohttp==3.10.*",
        "celery==5.3.*": "celery==5.5.*",
        "django==4.2.*": "django==5.2.*",
        "fastapi==0.115.3": "fastapi==0.115.*",
    },
}
"""Pins that the framework does not support on a Python, and the oldest that it does."""

OLD_WARNINGS = [
    # The TestClient of Starlette 0.40 leaves these open where a start fails.
    "ignore:Unclosed <MemoryObject:ResourceWarning",
    # Flask 2.3 on Python 3.12.
    "ignore:'pkgutil.get_loader' is deprecated:DeprecationWarning",
    "ignore:'pkgutil.find_loader' is deprecated:DeprecationWarning",
]
"""What old releases do or say on newer Pythons, left out by name."""

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


PYTHONS = {version: found for version in SUPPORTED if (found := installed(version))}
ONE = PYTHONS.get(PREFERRED) or [*PYTHONS.values()][-1]


def install(
    session: nox.Session, *groups: str, extras: str = "all", pins: Sequence[str] = ()
) -> None:
    """Install this package with *extras*, the dependency *groups*, and *pins*."""
    session.install(
        "-q",
        f".[{extras}]",
        *nox.project.dependency_groups(PYPROJECT, *groups),
        *pins,
    )


def floors() -> list[str]:
    """
    Each floor of pyproject.toml as a pin.

    ``>=4.2`` gives the newest 4.2, ``>=0.115.3`` that very release.
    """
    project = PYPROJECT["project"]
    extras = [
        needed
        for extra, needed in project["optional-dependencies"].items()
        if extra not in NOT_WITH_OLDEST
    ]
    pins = set()
    for one in (*project["dependencies"], *itertools.chain(*extras)):
        name, floor, version = one.partition(";")[0].strip().partition(">=")
        if floor:
            is_exact = version.count(".") > 1
            pins.add(f"{name}=={version}" if is_exact else f"{name}=={version}.*")
    return sorted(pins)


def install_oldest(session: nox.Session, version: str) -> None:
    """Install the floors and their era, without what can't be beside them."""
    instead = INSTEAD.get(version, {})
    everything = PYPROJECT["project"]["optional-dependencies"]["all"][0]
    extras = set(re.findall(r"[\w-]+", everything.partition("[")[2]))
    tests = nox.project.dependency_groups(PYPROJECT, "tests")
    session.install(
        "-q",
        f".[{','.join(sorted(extras.difference(NOT_WITH_OLDEST)))}]",
        *(one for one in tests if not one.startswith(NOT_WITH_OLDEST)),
        *(instead.get(pin, pin) for pin in (*floors(), *ERA)),
    )


def run_tests(session: nox.Session, *arguments: str) -> None:
    """Run pytest, and keep what each acceptance id showed for `compatibility`."""
    kept = Path(session.virtualenv.location) / "acceptance.json"
    session.run(
        "pytest", "-n", "auto", f"--acceptance={kept}", *arguments, *session.posargs
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


@nox.session(python=ONE)
def tests(session: nox.Session) -> None:
    """All tests, with the newest releases, on one Python."""
    install(session, "tests")
    session.run("coverage", "erase")
    kept = Path(session.virtualenv.location) / "acceptance.json"
    session.run(
        *("coverage", "run", "-m", "pytest", "-n", "auto", f"--acceptance={kept}"),
        *session.posargs,
    )
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report", "--format=total")


def run_line(session: nox.Session, line: str, version: str) -> None:
    """The tests of the frameworks with one of the `LINES`; all tests with "newest"."""
    arguments = [] if line == "newest" else WITHOUT_FRAMEWORKS
    if line == "oldest":
        install_oldest(session, version)
        arguments = [
            *arguments,
            *("-k", "not quart and not litestar"),
            *(f"--ignore-glob=*{name}*" for name in NOT_WITH_OLDEST),
        ]
        arguments.append("--ignore=tests/frameworks/test_page_marks.py")  # imports it
        arguments += [part for one in OLD_WARNINGS for part in ("-W", one)]
    else:
        install(session, "tests", pins=LINES[line])
    run_tests(session, *arguments)


@nox.session(python=ONE)
def oldest(session: nox.Session) -> None:
    """The tests of the frameworks, with the oldest releases that we support."""
    run_line(session, "oldest", PREFERRED if PREFERRED in PYTHONS else [*PYTHONS][-1])


# -- the long forms: not part of the default, run before a release ------------------


@nox.session
@nox.parametrize(
    ("python", "line", "version"),
    [
        nox.param(found, line, version, id=f"{version}-{line}")
        for version, found in PYTHONS.items()
        for line in LINES
        if found != ONE or line not in {"oldest", "newest"}
    ],
)
def matrix(session: nox.Session, line: str, version: str) -> None:
    """Every pair that `tests` and `oldest` leave out and the frameworks support."""
    session.env["SEGMENT_TEST_REQUESTS"] = "3000"
    run_line(session, line, version)


@nox.session
def compatibility(session: nox.Session) -> None:
    """Write the table of the docs from what the sessions above have kept."""
    environments = Path(session.virtualenv.location).parent
    kept = sorted(str(path) for path in environments.glob("*/acceptance.json"))
    session.run("python", "tests/acceptance_table.py", *kept)


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
def overhead(session: nox.Session) -> None:
    """What a request costs more with each middleware; writes the plot of the docs."""
    install(session, "benchmarks", extras="all")
    arguments = session.posargs or ["--svg", "benchmarks/overhead.svg"]
    session.run("python", "benchmarks/overhead.py", *arguments)


@nox.session
def faults(session: nox.Session) -> None:
    """What each client loses, and when: the table of the docs."""
    install(session, "benchmarks", extras="demo")
    session.run("python", "benchmarks/faults.py", *session.posargs)
