"""The README and the docs: code runs, excerpts and lists are true, links lead."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import get_args, get_type_hints

import pytest

import segment_integrations
from segment_integrations import Analytics, Settings, bind, tracks
from segment_integrations.celery import install
from segment_integrations.core.addresses import Proxies
from segment_integrations.core.calls import Options
from segment_integrations.core.message import Message
from segment_integrations.core.policy import EXCLUDED_PATHS, Reason
from segment_integrations.core.settings import SETTING_NAMES
from segment_integrations.core.stats import Stats
from segment_integrations.delivery.queue import Refusal
from segment_integrations.ports import RequestInfo
from segment_integrations.testing import SegmentEvents, capture

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"(?:<!-- from (?P<source>\S+) -->\n)?^```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")


def blocks(page):
    """The page's Python blocks, each with the file that it is an excerpt of."""
    for found in BLOCK.finditer(page.read_text()):
        yield found["source"], found["code"]


def prose(page):
    """The page without its blocks of code."""
    return FENCED.sub("", page.read_text())


def rows(page, heading=None):
    """The cells of the tables of a page in `docs`; of one section, if it is named."""
    text = (ROOT / "docs" / page).read_text()
    if heading is not None:
        text = text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def coded(cell):
    """What stands in a cell as code."""
    return re.findall(r"`([^`]+)`", cell)


def names(pages):
    return [str(page.relative_to(ROOT)) for page in pages]


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_excerpts_stand_in_the_files_that_they_name(page):
    """A block that says where it is from stands there, word for word."""
    for source, code in blocks(page):
        if source is not None:
            assert code.strip() in (ROOT / source).read_text(), source


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_code_runs(page, monkeypatch):
    """All other Python blocks run in their order, in strict mode, for a known user."""
    module = ModuleType("docs")  # for those who look names up in a class's module
    monkeypatch.setitem(sys.modules, "docs", module)
    namespace = vars(module)
    with Analytics("a-key"), capture(), bind(user_id="reader"):
        for source, code in blocks(page):
            if source is None:
                exec(compile(code, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_lead_somewhere(page):
    """Every relative link names a file that is there."""
    for target in LINK.findall(prose(page)):
        assert (page.parent / target).exists(), target


def test_the_readme_has_the_commands_that_ci_runs():
    """The first command starts the demo, and the second runs the tests."""
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"<!-- \w+-command -->\n```sh\n(.+)\n```", readme)
    assert len(commands) == 2
    assert commands[0].endswith("segment-integrations demo")
    assert commands[1].endswith("nox -s tests")


# -- lists in the docs are those of the code ---------------------------------------


def shown(name, default):
    """How docs/settings.md writes the default of a setting."""
    words = {
        "session_key": "per framework",
        "proxy": "from the environment",
        "ca_bundle": "the system's",
        "redact_path_params": "[a list](consent-and-privacy.md"
        "#what-never-leaves-the-process)",
    }
    if name in words:
        assert default is None or name == "redact_path_params"
        return words[name]
    if default is None or default == ():
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, Proxies):
        assert default == Proxies(count=0)
        return "0"
    if isinstance(default, int):
        return f"{default:,}"
    if isinstance(default, float):
        return f"{default:,.1f}" if default < 1_000 else f"{default:,.0f}"
    if isinstance(default, frozenset | tuple):
        (default,) = default
    return f"`{default}`"


def test_settings_are_listed_with_their_defaults():
    """The page on settings has each one once, with its true default."""
    listed = [
        (row[0].strip("`"), row[1])
        for row in rows("settings.md")
        if re.fullmatch(r"`\w+`", row[0])
    ]
    true = [
        (field.name, shown(field.name, field.default))
        for field in fields(Settings)
        if field.metadata
    ]
    assert sorted(listed) == sorted(true)


def test_masked_and_excluded_names_are_listed():
    """The built-in lists of path parameters and of excluded paths are in the docs."""
    privacy = (ROOT / "docs/consent-and-privacy.md").read_text()
    pages = (ROOT / "docs/page-calls.md").read_text()
    masked = re.search(
        r"`redact_path_params` has by default (.*?)\.\n", privacy, re.DOTALL
    )
    excluded = re.search(r"The built-in list is (.*?)\.\n", pages, re.DOTALL)
    assert Settings().redact_path_params == set(coded(masked[1]))
    assert set(EXCLUDED_PATHS) == set(coded(excluded[1]))


def test_reasons_for_no_page_call_are_listed():
    """The page on page calls has each reason once."""
    listed = [coded(row[0]) for row in rows("page-calls.md") if coded(row[0])]
    assert sorted([reason] for reason in get_args(Reason)) == sorted(listed)


def test_figures_are_listed():
    """The page on delivery has each field of `Stats` once."""
    listed = [
        name for row in rows("delivery.md", "## Figures") for name in coded(row[0])
    ]
    assert sorted(field.name for field in fields(Stats)) == sorted(listed)


# How a reason reaches `Drops.add`: by itself, or by way of these two of delivery's.
DROPPING = {"add": 0, "give_up": 0, "_part_with": 1, "_lost": 2}


def drop_reasons():
    """Each text that the code can give to `Drops.add`, read from its syntax trees."""
    for path in (ROOT / "src").rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from reasons_in(function)


def reasons_in(function):
    for call in ast.walk(function):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in DROPPING
            and (
                call.func.attr != "add"
                or ast.unparse(call.func.value).endswith("drops")
            )
        ):
            given = call.args[DROPPING[call.func.attr]]
            if not isinstance(given, ast.Name):
                yield from texts(given)
            elif given.id in {argument.arg for argument in function.args.args}:
                pass  # its caller's, which is in DROPPING
            elif assigned := [
                text
                for line in ast.walk(function)
                if isinstance(line, ast.Assign)
                and given.id in map(ast.unparse, line.targets)
                for text in texts(line.value)
            ]:
                yield from assigned
            else:
                assert ast.unparse(call).startswith(
                    "self._drops.add(reason, detail=DETAILS"
                )
                yield from get_args(Refusal)


def texts(expression):
    """The texts that an expression can have: one, or those of an ``a if b else c``."""
    if isinstance(expression, ast.IfExp):
        return [*texts(expression.body), *texts(expression.orelse)]
    assert isinstance(expression, ast.Constant), ast.unparse(expression)
    return [expression.value]


def test_drop_reasons_are_listed():
    """The page on delivery has each reason that the code uses, and no other."""
    listed = [coded(row[0]) for row in rows("delivery.md", "## Drop reasons")]
    listed = [words[0] for words in listed if words]
    assert sorted(set(drop_reasons())) == sorted(listed)


def test_the_collectors_error_codes_are_listed():
    """The page on the collector has each code that it answers with, and no other."""
    page = (ROOT / "docs/collector.md").read_text()
    listed = {code for row in rows("collector.md") for code in coded(row[1])}
    listed = {code for code in listed if re.fullmatch(r"[a-z]+(_[a-z]+)+", code)}
    known = set()
    for path in (ROOT / "src/segment_integrations/dev").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                at = {"_refuse": 0, "RequestError": 1, "_error": 1}.get(name)
                if at is not None and isinstance(node.args[at], ast.Constant):
                    known.add(node.args[at].value)
    known |= {"missing_group_id", "missing_previous_id", "missing_user_id"}
    known |= {"request_too_large", "event_too_large"}
    assert known == listed
    for code in ("forbidden", "bad_request", "not_found", "method_not_allowed"):
        assert f"`{code}`" in page


# -- and no page names a setting that is none --------------------------------------


def other_names():
    """What may stand as ``name=`` and is no setting: arguments, and spec's fields."""
    yield from get_type_hints(Options)
    yield from get_type_hints(Message)
    yield from ("host", "headers", "analytics", "sink", "transport")
    for callable_ in (
        Analytics,
        Analytics.flush,
        Analytics.request,
        RequestInfo,
        bind,
        tracks,
        segment_integrations.set_user,
        segment_integrations.alias,
        segment_integrations.page,
        SegmentEvents.assert_tracked,
        SegmentEvents.assert_page,
        SegmentEvents.assert_identified,
        install,
    ):
        yield from inspect.signature(callable_).parameters


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_settings_that_are_named_exist(page):
    """A page names no setting that does not exist, in any of the spellings."""
    text = page.read_text()
    named = {name.lower() for name in re.findall(r"\bSEGMENT_([A-Z_]+)\b", text)}
    for inside in re.findall(r"^SEGMENT = \{(.*?)\}$", text, re.MULTILINE | re.DOTALL):
        named |= {name.lower() for name in re.findall(r'"([A-Z_]+)":', inside)}
    for inside in re.findall(r"`([^`\n]+)`", prose(page)):
        named |= set(re.findall(r"(?<![\w.{/?])([a-z_]+)=", inside))
    named |= set(re.findall(r"[Ss]ettings? `([a-z_]+)`", text))
    for _, code in blocks(page):
        for call in ast.walk(ast.parse(code)):
            if isinstance(call, ast.Call) and re.search(
                r"Analytics|Segment|Middleware|add_middleware|install",
                ast.unparse(call.func),
            ):
                named |= {argument.arg for argument in call.keywords if argument.arg}
    assert named <= SETTING_NAMES | set(other_names())
