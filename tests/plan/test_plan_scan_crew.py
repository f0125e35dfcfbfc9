"""Many files are read by several processes, with the same result."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from scan_bench import OURS, planned, told, write

from segment_integrations.plan import scan
from segment_integrations.plan.scanning import crew

FILES = 60


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """A few files are many, so that the tests are quick."""
    monkeypatch.setattr(crew, "ALONE_MAX", 5)
    monkeypatch.setattr(crew, "CHUNK", 4)


@pytest.fixture(name="project")
def _project(tmp_path):
    """Files that use each other, are broken, deep, or in another encoding."""
    files = {
        "names.py": "PAID = 'Order Paid'\n",
        "wrap.py": f"{OURS}def emit(name, n):\n    track(name, {{'n': n}})\n",
        "own.py": "from segment_integrations import Event\nclass Paid(Event): n: int\n",
        "broken.py": f"{OURS}track(",
        "deep.py": f"{OURS}x = {'+'.join(['track'] * 900)}\ntrack('Deep')\n",
        "latin.py": b"# coding: latin-1\n"
        + f"{OURS}x = 'ä'; track('ä', {{'a': 1}})\n".encode("latin-1"),
    }
    for number in range(FILES):
        files[f"many{number:02}.py"] = (
            f"{OURS}from names import PAID\n"
            "from wrap import emit\nfrom own import Paid\n"
            f"track(PAID, {{'odd': 1}})\nemit('Emitted {number}', 1)\n"
            f"track(Paid(n=1))\ntrack(f'{{x}}')\n"
        )
    write(tmp_path, files)
    return tmp_path


def seen(monkeypatch):
    """The pools that are started, as a list that grows."""
    made = []

    class Watched(ProcessPoolExecutor):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(crew, "ProcessPoolExecutor", Watched)
    return made


def test_the_report_is_the_same_with_any_number_of_processes(project, monkeypatch):
    """In the same order, with the same progress, and no process is left."""
    plan = planned("Order Paid", "Deep")
    alone, shared = [], []
    made = seen(monkeypatch)

    expected = scan([project], plan, on_progress=lambda *at: alone.append(at))
    assert [] == made
    found = scan([project], plan, on_progress=lambda *at: shared.append(at), workers=2)

    assert expected == found
    assert alone == shared
    assert FILES == expected.fired["Order Paid"]
    assert {"broken.py:0:0 unreadable "} == set(told(expected, "unreadable"))
    (pool,) = made
    assert pool._processes in (None, {})


def test_few_files_are_read_by_one_process(project, monkeypatch):
    """Starting others would take longer."""
    monkeypatch.setattr(crew, "ALONE_MAX", FILES)
    made = seen(monkeypatch)

    scan([project], planned("Order Paid"), workers=2)

    assert [] == made


@pytest.mark.parametrize("error", [OSError(38, "no semaphores"), ImportError("none")])
def test_where_no_pool_can_be_made_one_process_reads(project, monkeypatch, error):
    """As on a system without semaphores."""
    plan = planned("Order Paid")
    expected = scan([project], plan)

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(crew, "ProcessPoolExecutor", refuse)

    assert expected == scan([project], plan, workers=2)


def test_a_process_that_dies_costs_nothing(project, monkeypatch):
    """What it had is read again."""
    plan = planned("Order Paid")
    expected = scan([project], plan)
    monkeypatch.setattr(crew, "_read", _die)

    assert expected == scan([project], plan, workers=2)


def _die(*_):
    os._exit(3)


COMMAND = """
from segment_integrations.cli import main
from segment_integrations.plan.scanning import crew
crew.ALONE_MAX = 2
main(["plan", "scan", "--json", "--plan", "plan.json", "src"])
"""


def test_the_command_ends_at_once_when_it_is_interrupted(tmp_path):
    """With its processes, which say nothing."""
    body = "def f(a): return track('Order Paid', {'a': a})\n" * 100
    write(tmp_path, {f"src/app{n:03}.py": OURS + body for n in range(300)})
    (tmp_path / "plan.json").write_text('{"rules": []}')
    ran = subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while len(group(ran.pid)) < 3 and ran.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    started = group(ran.pid)

    os.killpg(ran.pid, signal.SIGINT)
    _, err = ran.communicate(timeout=60)
    while group(ran.pid) and time.monotonic() < until:
        time.sleep(0.02)

    assert 3 <= len(started)
    assert ran.returncode not in {0, 2}
    assert b"Process" not in err
    assert [] == group(ran.pid)


def group(leader):
    """The processes of the group of *leader* that are alive."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and os.getpgid(int(folder.name)) == leader:
                state = (folder / "stat").read_text().rpartition(") ")[2][0]
                found += [folder.name] if state != "Z" else []
        except OSError:
            continue
    return found
