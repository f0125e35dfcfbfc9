"""A folder with what processes left, a collector for it, and the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from cli_bench import COMMAND, KEY, PRODUCER, SECRET, SEGMENT_KEY, fail, message
from delivery_collector import Collector

from segment_integrations.cli import main
from segment_integrations.delivery.dead import DeadLetters
from segment_integrations.delivery.spool import (
    Spool,
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    """Nothing of whoever runs the tests: no settings, no proxy."""
    for name in tuple(os.environ):
        if name.startswith(("SEGMENT_", "UWSGI_", "GUNICORN_")):
            monkeypatch.delenv(name)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(name="folder")
def _folder(tmp_path, monkeypatch):
    """The spool's folder, which is not there yet, in the environment with a key."""
    monkeypatch.setenv("SEGMENT_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("SEGMENT_WRITE_KEY", KEY)
    return tmp_path / "spool"


@pytest.fixture(name="collector")
def _collector():
    """Make collectors that end with the test."""
    made = []

    def make(*script, **options):
        made.append(Collector(*script, **options))
        return made[-1]

    yield make
    for one in made:
        one.__exit__()


@pytest.fixture(name="called")
def _called(capsys):
    """Run the command line here; its exit code, output, errors, and parsed output."""

    def called(*argv):
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main([str(one) for one in argv])
        out, err = capsys.readouterr()
        document = json.loads(out) if out.startswith("{") and "\n{" not in out else None
        return SimpleNamespace(
            code=caught.value.code or 0, out=out, err=err, json=document
        )

    return called


@pytest.fixture(name="processed")
def _processed():
    """Run the command line in a process of its own."""

    def processed(*argv, **options):
        return subprocess.run(
            [*COMMAND, *map(str, argv)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )

    return processed


@pytest.fixture(name="producing")
def _producing(folder):
    """A living process that has *count* events in the spool; killed at the end."""

    @contextmanager
    def producing(count, key=KEY):
        with subprocess.Popen(
            [sys.executable, "-c", PRODUCER, str(count), str(folder), key],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                ids = []
                while (line := process.stdout.readline().strip()) != "ready":
                    assert line, "the producer ended early"
                    ids.append(line)
                yield SimpleNamespace(
                    ids=ids,
                    kill=lambda: (
                        process.send_signal(signal.SIGKILL),
                        process.wait(10),
                    ),
                )
            finally:
                process.kill()

    return producing


@pytest.fixture(name="leave")
def _leave(folder):
    """Leave *names* behind as a process that has ended; each in a file of its own."""

    def leave(*names, key=KEY, age=0.0):
        spool = Spool(folder, key, failed=fail, now=lambda: time.time() - age)
        spool.prepare()
        for name in names:
            file = spool.new_file()
            file.append([message(name)])
            os.utime(file.path, (time.time() - age,) * 2)
        spool.release()
        return spool.path

    return leave


@pytest.fixture(name="bury")
def _bury(folder):
    """Set *names* aside as dead letters, and give the writer."""

    def bury(*names, reason="rejected", status=400, key=KEY, pad=0, letters=None):
        letters = letters or DeadLetters(folder, key, failed=fail)
        bodies = [
            message(name, pad="x" * pad) if pad else message(name) for name in names
        ]
        answer = f"what is {SECRET}?"
        assert letters.add(bodies, reason, status=status, answer=answer)
        return letters

    return bury


@pytest.fixture(name="doctor")
def _doctor(called, tmp_path, monkeypatch):
    """Run it in an empty folder; its code, its output, and its findings by check."""
    monkeypatch.chdir(tmp_path)

    def doctor(*options, write_key=SEGMENT_KEY):
        key = [] if write_key is None else ["--write-key", write_key]
        result = called("doctor", "--json", *key, *options)
        document = json.loads(result.out)
        assert document["ok"] == (result.code == 0)
        result.found = {}
        for one in document["checks"]:
            result.found.setdefault(one["check"], []).append(
                (one["state"], one["text"], one["advice"])
            )
        return result

    return doctor
