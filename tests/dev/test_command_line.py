"""The frame of the command line: help, version, and what it says if parts miss."""

import importlib
import subprocess
import sys

import click
import pytest

import segment_integrations
from segment_integrations.cli import group, main

BLOCKED = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))
from segment_integrations.cli import main
main(sys.argv[2:])
"""


def run(*command):
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False
    )


def called(*argv):
    """Run the command line here; the code it exits with."""
    with pytest.raises(SystemExit) as caught:
        main(argv)
    return caught.value.code or 0


@pytest.mark.parametrize(
    ("blocked", "arguments", "expected"),
    [
        ("click", ["dev"], "pip install 'segment-integrations[cli]'"),
        ("rich", ["dev"], "pip install 'segment-integrations[dev]'"),
        ("starlette", ["dev"], "pip install 'segment-integrations[dev]'"),
        ("uvicorn", ["dev", "--help"], "pip install 'segment-integrations[dev]'"),
    ],
)
def test_a_missing_extra_is_one_line_and_code_2(blocked, arguments, expected):
    """The line names what is missing and the command that installs it."""
    result = run(sys.executable, "-c", BLOCKED, blocked, *arguments)

    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert f"needs {blocked}:" in line
    assert line.endswith(expected)


def test_help_needs_no_extra_but_cli():
    """All commands are listed, also those whose extra is missing."""
    blocked = "starlette,uvicorn,rich,django,flask,fastapi"
    result = run(sys.executable, "-c", BLOCKED, blocked, "--help")

    assert (result.returncode, result.stderr) == (0, "")
    for name in group.COMMANDS:
        assert f"  {name} " in result.stdout


def test_lists_its_commands(capsys):
    """The list needs no command to be imported."""
    assert called("--help") == 0
    assert group.COMMANDS["dev"].help in capsys.readouterr().out


def test_without_click_it_says_so(monkeypatch, capsys):
    """The frame itself works on the standard library alone."""
    monkeypatch.delitem(sys.modules, "segment_integrations.cli.group")
    monkeypatch.setitem(sys.modules, "click", None)

    assert called("--version") == 2
    assert capsys.readouterr().err == (
        "The command line needs click: pip install 'segment-integrations[cli]'\n"
    )


def test_a_fault_of_ours_is_no_missing_extra(monkeypatch):
    """A module of this package that is not there is shown with its traceback."""
    monkeypatch.setitem(sys.modules, "segment_integrations.cli.group", None)

    with pytest.raises(ModuleNotFoundError):
        main([])


def test_tells_its_version(capsys, monkeypatch):
    """The module can be run as the script can."""
    monkeypatch.setattr(sys, "argv", ["segment-integrations", "--version"])
    monkeypatch.delitem(sys.modules, "segment_integrations.__main__", raising=False)

    with pytest.raises(SystemExit) as caught:
        importlib.import_module("segment_integrations.__main__")

    assert not caught.value.code
    assert capsys.readouterr().out.endswith(f"{segment_integrations.__version__}\n")


def test_an_unknown_command_is_code_2(capsys):
    """A typing mistake shows how to get help."""
    assert called("collect") == 2
    assert "No such command 'collect'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        ("flask.json", "later needs flask: pip install 'segment-integrations[x]'"),
        ("segment_integrations.core.gone", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("when", ["loading", "running"])
def test_tells_what_a_command_needs(monkeypatch, capsys, missing, text, when):
    """A command may miss its parts when it is loaded and when it runs."""

    @click.command
    def later():
        raise ModuleNotFoundError(name=missing)

    class Module:
        @property
        def later(self):
            return later

    def load(name):
        assert name == "later_module"
        if when == "loading":
            raise ModuleNotFoundError(name=missing)
        return Module()

    monkeypatch.setitem(group.COMMANDS, "later", group.Lazy("later_module", "x", ""))
    monkeypatch.setattr(group, "import_module", load)

    if text is None:
        with pytest.raises(ModuleNotFoundError):
            main(["later"])
    else:
        assert called("later") == 2
        assert capsys.readouterr().err == f"Error: {text}\n"


def test_a_command_that_is_not_built_yet_says_so(monkeypatch, capsys):
    """A name in the table whose file is missing is not the user's fault."""
    lazy = group.Lazy("segment_integrations.cli.absent", "x", "")
    monkeypatch.setitem(group.COMMANDS, "absent", lazy)

    assert called("absent") == 2
    assert "absent is not part of this version" in capsys.readouterr().err
