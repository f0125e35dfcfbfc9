"""Reads a tracking plan from a file, a folder or decoded JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from segment_integrations.errors import PlanError
from segment_integrations.plan.loading.folder import Named, of_files
from segment_integrations.plan.loading.forms import Parts, parts_of
from segment_integrations.plan.loading.schemas import Place

__all__ = ["Parts", "of_document", "of_path"]

FILE_MAX_BYTES: Final = 64 * 1024 * 1024
"""Of one file. Source: ours; 10,000 events have 5 to 50 MB, and all of it is held."""


def of_path(path: Path) -> Parts:
    """
    The parts of the plan at *path*.

    Raises:
        PlanError: It can't be read, or is no plan.
    """
    if path.is_dir():
        return _of_folder(path)
    return parts_of(read(path, str(path)), Place(str(path)))


def of_document(document: object, source: str) -> Parts:
    """
    The parts of the plan that *document* is.

    Raises:
        PlanError: It is no plan, or no JSON.
    """
    try:
        # Also a copy: no later change to the caller's own gets into the plan.
        plain = msgspec.json.decode(msgspec.json.encode(document))
    except RecursionError:
        raise PlanError(
            "holds itself, or has too many levels to be a plan", source=source
        ) from None
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise PlanError(f"is no JSON: {error}", source=source) from error
    return parts_of(plain, Place(source))


def _of_folder(path: Path) -> Parts:
    files = files_in(path)
    if not files:
        raise PlanError("is a folder without a .json file", source=str(path))
    named = [
        Named(one.relative_to(path), read(one, str(one)), Place(str(one)))
        for one in files
    ]
    return Parts(of_files(named), name=path.name, source=str(path))


def files_in(path: Path) -> list[Path]:
    """The files of the plan that the folder *path* is, in their order."""
    return sorted(
        one
        for one in path.rglob("*.json")
        if one.is_file()
        and not any(part.startswith(".") for part in one.relative_to(path).parts)
    )


def read(path: Path, source: str) -> Any:
    """
    The JSON in *path*.

    Raises:
        PlanError: It can't be read, or is no JSON.
    """
    try:
        text = _text(path, source)
    except UnicodeDecodeError as error:
        raise PlanError(
            f"is not UTF-8 (byte {error.start}): save it as UTF-8", source=source
        ) from None
    except OSError as error:
        raise PlanError(
            f"can't be read: {error.strerror or type(error).__name__}", source=source
        ) from error
    try:
        found = json.loads(text, parse_constant=_refused)
        json.dumps(found, ensure_ascii=False).encode()  # no lone surrogates
    except json.JSONDecodeError as error:
        raise PlanError(
            f"is no JSON: line {error.lineno}, column {error.colno}: {error.msg}",
            source=source,
        ) from None
    except RecursionError:
        raise PlanError("has too many levels to be a plan", source=source) from None
    except UnicodeEncodeError:
        raise PlanError("holds half of a surrogate pair", source=source) from None
    except ValueError as error:
        raise PlanError(f"is no JSON: {error}", source=source) from None
    return found


def _text(path: Path, source: str) -> str:
    """The text of a file; what is none (a pipe, a device) could be without end."""
    if path.exists() and not path.is_file():
        raise PlanError("is no file, and no folder", source=source)
    with path.open("rb") as file:
        found = file.read(FILE_MAX_BYTES + 1)
    if len(found) > FILE_MAX_BYTES:
        raise PlanError(
            f"is too large for a plan: over {FILE_MAX_BYTES // 1024**2} MiB",
            source=source,
        )
    return found.decode("utf-8-sig")


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")
