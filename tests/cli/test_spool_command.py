"""The spool's commands that send nothing: status, export, purge."""

import os

import pytest
from cli_bench import ANOTHER_KEY, KEY, SECRET, tree

from segment_integrations.delivery.folders import (
    fingerprint,
    lock,
)

# -- the folder -------------------------------------------------------------------


@pytest.mark.parametrize("command", ["status", "replay", "export", "purge"])
def test_without_a_folder_it_is_one_line_and_code_2(called, command):
    """No command guesses where the spool is."""
    result = called("spool", command)

    assert (2, "") == (result.code, result.out)
    (line,) = result.err.splitlines()
    assert "--spool-dir" in line
    assert "SEGMENT_SPOOL_DIR" in line


def test_a_file_in_the_place_of_the_folder_is_code_2(called, tmp_path):
    """A path that leads to a file is a mistake to be told."""
    (tmp_path / "file").write_text("")

    result = called("spool", "status", "--spool-dir", tmp_path / "file")

    assert 2 == result.code
    (line,) = result.err.splitlines()
    assert "a file is there" in line


@pytest.mark.parametrize("command", ["status", "replay", "export", "purge"])
@pytest.mark.parametrize("dead", [[], ["--dead"]])
def test_a_folder_that_is_not_there_has_nothing(called, folder, command, dead):
    """Before the first process has spooled, all commands succeed and make nothing."""
    assert 0 == called("spool", command, *dead).code
    assert not folder.exists()


# -- status -----------------------------------------------------------------------


def test_status_has_a_row_for_each_process(called, leave, folder, producing):
    """It tells the living from those that have ended, and whose the events are."""
    with producing(3):
        leave("a", "b", age=7200)
        leave("c", key=ANOTHER_KEY)
        document = called("spool", "status", "--json").json

    rows = {
        (one["state"], one["is_own_key"], one["files"], one["events"])
        for one in document["processes"]
    }
    assert {
        ("left", True, 2, 2),
        ("left", False, 1, 1),
        ("alive", True, 1, 3),
    } == rows
    totals = document["totals"]
    assert (3, 6, 3) == (totals["processes"], totals["events"], totals["left_events"])
    assert totals["bytes"] == sum(path.stat().st_size for path in folder.rglob("*.v1"))
    assert totals["oldest_age_s"] == pytest.approx(7200, abs=60)


def test_status_shows_a_table_without_values(called, leave, bury):
    """People get the same in lines: keys as fingerprints, no value of an event."""
    leave("a")
    leave("b", key=ANOTHER_KEY)
    bury("c")

    result = called("spool", "status")

    assert 0 == result.code
    assert f"{fingerprint(KEY)} (this one)" in result.out
    assert f"{fingerprint(ANOTHER_KEY)} (another)" in result.out
    assert "2 events of 2 process folders" in result.out
    assert "1 dead letter: see --dead" in result.out
    assert SECRET not in result.out
    assert KEY not in result.out


def test_status_without_a_key_does_not_say_whose(called, leave, monkeypatch):
    """The key is no condition for looking."""
    leave("a")
    monkeypatch.delenv("SEGMENT_WRITE_KEY")

    (one,) = called("spool", "status", "--json").json["processes"]

    assert one["is_own_key"] is None


def test_status_counts_what_is_damaged_and_names_what_is_unknown(called, leave, folder):
    """A flipped bit, a torn end and files of another version are told apart."""
    path = leave("a", "b", "c")
    first, second, _ = sorted(path.glob("*.v1"))
    first.write_bytes(first.read_bytes().replace(b"track", b"trick"))
    second.write_bytes(second.read_bytes()[:-5])
    (path / "1764000000125-000001.v2").write_text("of the future")
    (folder / "notes.txt").write_text("mine")

    document = called("spool", "status", "--json").json

    (one,) = document["processes"]
    assert (1, 1) == (one["events"], one["damaged"])
    assert ["1764000000125-000001.v2"] == one["unknown"]
    assert ["notes.txt"] == document["unknown"]
    text = called("spool", "status").out
    assert "000001.v2" in text
    assert "notes.txt" in text


def test_status_changes_nothing(called, leave, folder, bury):
    """Looking leaves every byte, every date and every lock as it was."""
    path = leave("a")
    (path / "lock").unlink()  # as an older version may have left it
    bury("b")
    before = tree(folder)

    assert 0 == called("spool", "status").code
    assert 0 == called("spool", "status", "--dead").code

    assert before == tree(folder)
    descriptor = lock(path)
    assert descriptor is not None
    os.close(descriptor)


def test_status_of_dead_letters_counts_by_reason_and_status(called, bury):
    """Counts and ages are told, messages and answers are not."""
    bury("a", "b")
    bury("c", reason="expired", status=None)
    bury("d", key=ANOTHER_KEY)

    result = called("spool", "status", "--dead", "--json")

    assert [
        ("another", "rejected", 400, 1),
        ("own", "expired", None, 1),
        ("own", "rejected", 400, 2),
    ] == sorted(
        (
            "own" if one["is_own_key"] else "another",
            one["reason"],
            one["status"],
            one["count"],
        )
        for one in result.json["letters"]
    )
    assert 4 == result.json["totals"]["letters"]
    assert result.json["totals"]["bytes"] > 0
    text = called("spool", "status", "--dead").out
    assert "4 dead letters in " in text
    assert SECRET not in result.out + text


def test_what_can_not_be_read_is_named_and_kept(called, leave, bury, folder):
    """The system's refusal of one file hides no other, and is no end with code 0."""
    path = leave("a")
    bury("b")
    (path / "1764000000125-000009.v1").mkdir()
    (folder / "dead" / "odd-1764000000125.v1").mkdir()

    (one,) = called("spool", "status", "--json").json["processes"]
    dead = called("spool", "status", "--dead")
    purged = called("spool", "purge", "--yes")

    assert (1, ["1764000000125-000009.v1"]) == (one["events"], one["unreadable"])
    assert "can't be read: odd-1764000000125.v1" in dead.out
    assert "1 dead letter in 2 files" in dead.out
    assert 1 == purged.code
    assert "the folder can't be purged: " in purged.err
