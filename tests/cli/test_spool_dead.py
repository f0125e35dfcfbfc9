"""Dead letters that are put back and delivered, and what a crash makes of them."""

import json
import subprocess
import sys

import pytest
from cli_bench import ANOTHER_KEY, KEY, dead_events, poisoned, sent_ids

from segment_integrations.cli import spool_dead
from segment_integrations.delivery.dead import dead_files
from segment_integrations.delivery.folders import (
    folders,
)


def test_dead_letters_are_delivered_under_their_own_ids(
    called, bury, collector, folder
):
    """They go back into the spool, are sent, and are gone."""
    bury("a", "b")
    bury("c", reason="expired", status=None)
    target = collector()

    result = called("spool", "replay", "--dead", "--host", target.host)

    assert 0 == result.code
    assert (
        "3 dead letters put back into the spool.\n3 events delivered.\n" == result.out
    )
    assert ["id-a", "id-b", "id-c"] == sorted(sent_ids(target))
    assert not dead_files(folder)
    assert not folders(folder)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--reason", "expired"], ["c"]),
        (["--status", "413"], ["b"]),
        (["--status", "400", "--status", "413"], ["a", "b"]),
        (["--reason", "none of them"], []),
    ],
)
def test_filters_pick_dead_letters(
    *, called, bury, collector, folder, options, expected
):
    """The others stay in their file, and another key's are not touched at all."""
    letters = bury("a", status=400)
    bury("b", status=413, letters=letters)
    bury("c", reason="expired", status=None, letters=letters)
    bury("d", key=ANOTHER_KEY)
    target = collector()

    result = called("spool", "replay", "--dead", *options, "--host", target.host)

    assert 0 == result.code
    assert expected == sorted(target.events)
    assert sorted({"a", "b", "c", "d"} - set(expected)) == sorted(dead_events(folder))


def test_what_is_too_large_stays(called, bury, collector, folder):
    """No endpoint takes it, so it is told and left as it is."""
    bury("a", reason="too_large", status=None, pad=40_000)
    bury("b")
    target = collector()

    result = called("spool", "replay", "--dead", "--host", target.host)

    assert 1 == result.code
    assert ["b"] == target.events
    assert "1 dead letter over the size" in result.out
    (letter,) = spool_dead.find(folder, spool_dead.Wanted()).letters
    assert "too_large" == letter.reason


def test_a_dead_letter_that_is_refused_again_is_one_again(
    called, bury, collector, folder
):
    """A replay that changes nothing loses nothing."""
    bury("poison")

    result = called(
        "spool", "replay", "--dead", "--host", collector(default=poisoned).host
    )

    assert 1 == result.code
    (letter,) = spool_dead.find(folder, spool_dead.Wanted()).letters
    assert ("rejected", 400) == (letter.reason, letter.status)


def test_a_living_process_goes_on_setting_aside(bury, folder):
    """The file that it writes to is taken away, and no later letter is lost."""
    letters = bury("a")
    (path,) = dead_files(folder)
    late = path.open("ab")  # as a write that had begun before

    def save(_letters):
        bury("b", letters=letters)
        (other,) = [one for one in dead_files(folder) if "~" not in one.name]
        with late:
            late.write(other.read_bytes())

    assert 1 == spool_dead.take(folder, spool_dead.Wanted(), save)

    assert ["b", "b"] == dead_events(folder)


def test_a_disk_that_fails_meanwhile_loses_no_dead_letter(bury, folder):
    """They are removed only when they are safe elsewhere."""
    bury("a", "b")

    def save(_letters):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        spool_dead.take(folder, spool_dead.Wanted(), save)

    assert ["a", "b"] == dead_events(folder)


KILLED = """
import os, signal, sys
from pathlib import Path
from segment_integrations.cli import spool_dead
from segment_integrations.cli.spool_delivery import Target, put_back, wanted_of

moment, folder, key = sys.argv[1:]
target = Target.resolve(Path(folder), key, None, {})
calls = 0

def die_at(event, args):
    global calls
    if event in {"os.rename", "os.remove", "open"} and "/spool" in str(args[0]):
        calls += 1
        if calls == int(moment):
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die_at)
put_back(target, wanted_of(target, reasons=frozenset({"rejected"})))
"""


def test_a_kill_at_any_moment_loses_no_dead_letter(bury, folder, called):
    """Killed before any of its steps, each letter is there, in the spool, or both."""
    moments = range(1, 40)
    for moment in moments:
        for path in dead_files(folder):
            path.unlink()
        called("spool", "purge", "--yes")
        bury("a")
        letters = bury("b")
        bury("c", reason="expired", letters=letters)
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, str(moment), str(folder), KEY],
            capture_output=True,
            timeout=60,
            check=False,
        )
        dead = dead_events(folder)
        spooled = called("spool", "export").out.splitlines()
        found = [*dead, *(json.loads(line)["event"] for line in spooled)]
        assert {"a", "b", "c"} == set(found), moment
        assert 1 == found.count("c"), moment
        if killed.returncode == 0:
            assert (["c"], 3) == (dead, len(found))
            break
    assert 10 < moment < max(moments)
