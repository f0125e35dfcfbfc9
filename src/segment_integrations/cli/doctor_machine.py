"""What ``doctor`` says of this machine: spool, dead letters, servers, versions."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from segment_integrations.cli import spool_dead
from segment_integrations.cli.doctor_settings import Finding
from segment_integrations.cli.spool_survey import survey
from segment_integrations.cli.words import counted, size
from segment_integrations.delivery.folders import (
    LOCK,
    fingerprint,
    lock,
)
from segment_integrations.delivery.spool import (
    SPOOL_MAX_BYTES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from segment_integrations.core.settings import Settings

PACKAGES: Final = ("segment-integrations", "urllib3", "msgspec")

NEIGHBOURS: Final = (
    *("django", "flask", "fastapi", "starlette", "litestar", "quart", "aiohttp"),
    *("celery", "uvicorn", "gunicorn", "hypercorn", "uwsgi", "pyuwsgi", "gevent"),
    *("segment-analytics-python",),
)
"""What is worth knowing about when something goes wrong."""

OTHERS_MAY: Final = 0o077
"""Rights of the group and of everybody."""

CONFIG_MAX_BYTES: Final = 100_000
"""A server's configuration is smaller. Source: ours."""

AFTER_A_FORK: Final = "each worker process gets an empty queue and its own connection"


def spool(settings: Settings) -> Iterator[Finding]:
    """Whether the spool's folder can be used, and what is in it."""
    directory = settings.spool_dir
    if directory is None:
        yield Finding(
            "spool",
            "ok",
            "off: what can't be sent before a process ends is lost",
            "SEGMENT_SPOOL=overflow and SEGMENT_SPOOL_DIR keep it on disk",
        )
        return
    trouble = _trouble(directory)
    if trouble is not None:
        yield trouble
        return
    yield from _room(directory, settings)
    left = [one for one in survey(directory) if one.state == "left" and one.events]
    if left:
        own = fingerprint(settings.write_key or "")
        events = sum(one.events for one in left)
        foreign = sum(one.events for one in left if one.folder.fingerprint != own)
        text = f"{counted(events, 'event')} left behind by processes that have ended"
        if foreign:
            text += f", {foreign:,} of another write key"
        yield Finding(
            "spool",
            "warning",
            text,
            "a process that starts with the same spool settings sends them, and so does"
            " segment-integrations spool replay",
        )


def _trouble(directory: Path) -> Finding | None:
    """What keeps a process from using *directory*."""
    if not directory.exists():
        parent = next(one for one in directory.parents if one.exists())
        if os.access(parent, os.W_OK | os.X_OK):
            return Finding(
                "spool",
                "ok",
                f"{directory} is not there yet: the first process makes it",
            )
        return Finding(
            "spool",
            "failed",
            f"{directory} is not there, and can't be made in {parent}",
            "make it, for the user that the program runs as",
        )
    # As a process does it: a folder of its own, in which it locks a file.
    trial = directory / f".doctor-{secrets.token_hex(4)}"
    step = "written"
    try:
        trial.mkdir(0o700)
        step = "locked: its file system has no locks"
        descriptor = lock(trial)
        if descriptor is not None:
            os.close(descriptor)
    except OSError as error:
        return Finding(
            "spool",
            "failed",
            f"{directory} can't be {step} ({error.strerror})",
            "give the program's user a folder of its own on a local disk",
        )
    finally:
        with suppress(OSError):
            (trial / LOCK).unlink(missing_ok=True)
            trial.rmdir()
    return None


def _room(directory: Path, settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(directory).free
    text = f"{directory} can be written and locked, {size(free)} free"
    if settings.spool == "off":
        text += "; the spool itself is off, so that only dead letters go there"
    if free < SPOOL_MAX_BYTES:
        yield Finding(
            "spool",
            "warning",
            text,
            f"make room: the spool may need {size(SPOOL_MAX_BYTES)}",
        )
    else:
        yield Finding("spool", "ok", text)
    if sys.platform != "win32" and directory.stat().st_mode & OTHERS_MAY:
        yield Finding(
            "spool",
            "warning",
            f"{directory} is open to other users; its files are not",
            f"chmod 700 {directory}",
        )


def dead_letters(settings: Settings) -> Iterator[Finding]:
    """Whether messages were set aside."""
    if settings.spool_dir is None:
        return
    found = spool_dead.find(settings.spool_dir, spool_dead.Wanted())
    if not found.letters:
        yield Finding("dead letters", "ok", "none")
        return
    reasons = sorted({letter.reason for letter in found.letters})
    yield Finding(
        "dead letters",
        "warning",
        f"{counted(len(found.letters), 'message')} set aside: {', '.join(reasons)}",
        "segment-integrations spool status --dead",
    )


def fork_mode(environ: Mapping[str, str], directory: Path) -> Iterator[Finding]:
    """
    What is seen of the servers: variables, and configurations in *directory*.

    The program itself runs elsewhere, so what is given on its command line is not seen.
    """
    gunicorn = environ.get("GUNICORN_CMD_ARGS", "")
    gunicorn_file = _read(directory / "gunicorn.conf.py")
    is_preloaded = "--preload" in gunicorn or re.search(
        r"^\s*preload_app\s*=\s*True\b", gunicorn_file, re.MULTILINE
    )
    uwsgi = {
        name.removeprefix("UWSGI_").lower().replace("_", "-")
        for name, value in environ.items()
        if name.startswith("UWSGI_") and value not in {"", "0", "false"}
    }
    uwsgi_file = _read(directory / "uwsgi.ini")
    uwsgi |= set(
        re.findall(r"^\s*([a-z-]+)\s*=\s*(?!0\b|false\b)\S", uwsgi_file, re.MULTILINE)
    )
    found = False
    if is_preloaded or gunicorn or gunicorn_file:
        found = True
        how = "with --preload" if is_preloaded else "without --preload"
        if "gevent" in gunicorn + gunicorn_file:
            how += ", on gevent (a greenlet sends)"
        yield Finding("fork mode", "ok", f"gunicorn {how}: {AFTER_A_FORK}")
    if uwsgi:
        found = True
        if uwsgi & {"enable-threads", "threads"}:
            yield Finding(
                "fork mode", "ok", f"uWSGI with threads enabled: {AFTER_A_FORK}"
            )
        else:
            yield Finding(
                "fork mode",
                "failed",
                "uWSGI without threads: the background thread that sends never runs",
                "set enable-threads = true",
            )
    if _is_patched():
        found = True
        yield Finding(
            "fork mode",
            "ok",
            "gevent has patched threads: a greenlet sends, as a thread",
        )
    if not found:
        yield Finding(
            "fork mode",
            "ok",
            f"no server's configuration seen here; after a fork {AFTER_A_FORK}",
            "uWSGI needs enable-threads = true",
        )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(CONFIG_MAX_BYTES).decode(errors="replace")
    except OSError:
        return ""


def _is_patched() -> bool:
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def versions() -> Finding:
    """What is installed here."""
    python = ".".join(map(str, sys.version_info[:3]))
    found = [f"Python {python} on {sys.platform}"]
    for name in (*PACKAGES, *NEIGHBOURS):
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return Finding("versions", "ok", ", ".join(found))
