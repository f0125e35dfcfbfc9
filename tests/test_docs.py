"""The README and the docs: their code runs, their excerpts are true, their links lead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segment_integrations import Analytics, bind
from segment_integrations.testing import capture

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"(?:<!-- from (?P<source>\S+) -->\n)?^```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")


def blocks(page):
    """The page's Python blocks, each with the file that it is an excerpt of."""
    for found in BLOCK.finditer(page.read_text()):
        yield found["source"], found["code"]


def names(pages):
    return [str(page.relative_to(ROOT)) for page in pages]


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_excerpts_stand_in_the_files_that_they_name(page):
    """A block that says where it is from stands there, word for word."""
    for source, code in blocks(page):
        if source is not None:
            assert code.strip() in (ROOT / source).read_text(), source


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_code_runs(page):
    """All other Python blocks run in their order, in strict mode, for a known user."""
    namespace = {"__name__": "docs"}
    with Analytics("a-key"), capture(), bind(user_id="reader"):
        for source, code in blocks(page):
            if source is None:
                exec(compile(code, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_lead_somewhere(page):
    """Every relative link names a file that is there."""
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_readme_has_the_commands_that_ci_runs():
    """The first command starts the demo, and the second runs the tests."""
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"<!-- \w+-command -->\n```sh\n(.+)\n```", readme)
    assert len(commands) == 2
    assert commands[0].endswith("segment-integrations demo")
    assert commands[1].endswith("nox -s tests")
