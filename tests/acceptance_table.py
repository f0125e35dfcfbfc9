"""
``python tests/acceptance_table.py FILE.json ...``: the table of docs/compatibility.md.

The files are what ``pytest --acceptance FILE.json`` wrote, one for each environment.
Their sum replaces what stands between the two markers of the page.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

from acceptance_ids import HOLDS, NARROWED, UNTESTED

PAGE: Final = Path(__file__).parents[1] / "docs" / "compatibility.md"
START: Final = "<!-- acceptance table: start -->"
END: Final = "<!-- acceptance table: end -->"
TITLES: Final = {
    "aiohttp": "aiohttp",
    "asgi": "plain ASGI",
    "celery": "Celery",
    "django": "Django",
    "fastapi": "FastAPI",
    "flask": "Flask",
    "litestar": "Litestar",
    "ninja": "Django Ninja",
    "none": "no framework",
    "quart": "Quart",
    "rest_framework": "Django REST framework",
    "starlette": "Starlette",
    "wsgi": "plain WSGI",
}
Run = dict[str, Any]


def _number(version: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", version)]


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _joined(versions: set[str]) -> str:
    return ", ".join(sorted(versions, key=_number))


def environments(runs: list[Run]) -> list[str]:
    """The table of what was installed in each run."""
    names = [one for one in TITLES if any(one in run["versions"] for run in runs)]
    head = ["Python", *(TITLES[one] for one in names)]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for run in sorted(runs, key=lambda one: _number(one["python"])):
        cells = [run["python"], *(run["versions"].get(one, "") for one in names)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def row(acceptance_id: str, runs: list[Run]) -> str:
    """One line: id, what holds, frameworks with their versions, and how it ended."""
    versions: dict[str, set[str]] = {}
    total: Counter[str] = Counter()
    for run in runs:
        for framework, counts in run["ids"].get(acceptance_id, {}).items():
            total.update(counts)
            if counts.get("passed") or counts.get("failed"):
                version = run["versions"].get(framework, run["python"])
                versions.setdefault(framework, set()).add(_minor(version))
    if acceptance_id in UNTESTED:
        ended = f"no test: {UNTESTED[acceptance_id]}"
    elif total["failed"]:
        ended = f"**no**: {total['failed']} of {sum(total.values())} failed"
    elif total["passed"]:
        ended = f"yes ({total['passed']} tests)"
    else:
        ended = "**not run**"
    with_what = []
    for framework in sorted(versions, key=lambda one: TITLES[one].lower()):
        found = _joined(versions[framework])
        has_own = any(framework in run["versions"] for run in runs)
        shown = found if has_own else f"(Python {found})"
        with_what.append(f"{TITLES[framework]} {shown}")
    holds = f"{HOLDS[acceptance_id]} {NARROWED.get(acceptance_id, '')}".rstrip()
    holds = holds.replace("|", r"\|")
    cells = [acceptance_id, holds, "; ".join(with_what), ended]
    return "| " + " | ".join(cells) + " |"


def table(runs: list[Run]) -> str:
    """Both tables, as they stand between the markers."""
    lines = [
        "What was installed, one run a line:",
        "",
        *environments(runs),
        "",
        "| Id | What holds | With | Pass |",
        "|---|---|---|---|",
        *(row(one, runs) for one in HOLDS),
    ]
    return "\n".join(lines)


def main(paths: list[str]) -> None:
    """Write the table of the files at *paths* into the page."""
    if not paths:
        sys.exit(str(__doc__))
    runs = [json.loads(Path(one).read_text()) for one in paths]
    text = PAGE.read_text()
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}\n\n{table(runs)}\n\n{END}{after}")


if __name__ == "__main__":
    main(sys.argv[1:])
