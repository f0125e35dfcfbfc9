"""The spool's commands that copy and delete: export and purge."""

import json
import os
import pty
import stat
import subprocess
import time

import pytest
from cli_bench import ANOTHER_KEY, COMMAND, SECRET, tree
from hypothesis import given
from hypothesis import strategies as st

from segment_integrations.cli.spool_export import SHOWN, masked
from segment_integrations.delivery.folders import (
    fingerprint,
)

# -- export -----------------------------------------------------------------------


def test_export_replaces_values_by_their_types(called, leave):
    """Names and what tells events apart stay; the rest is nobody's business."""
    leave("Paid")

    result = called("spool", "export")

    assert {
        "type": "track",
        "event": "Paid",
        "messageId": "id-Paid",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "userId": "<str>",
        "properties": {"mail": "<str>", "amount": "<int>"},
    } == json.loads(result.out)
    assert "1 event exported.\n" == result.err


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_no_value_gets_through_the_mask(message):
    """Whatever a message holds, its mask has its names and nothing but types."""

    def check(value, mask):
        if isinstance(value, dict):
            assert list(value) == list(mask)
            for name in value:
                check(value[name], mask[name])
        elif isinstance(value, list):
            assert len(value) == len(mask)
            for pair in zip(value, mask, strict=True):
                check(*pair)
        else:
            assert mask in {"<null>", "<bool>", "<int>", "<float>", "<str>"}

    unshown = {name: item for name, item in message.items() if name not in SHOWN}
    check(unshown, masked(unshown))


def test_export_shows_values_when_asked_to(called, leave):
    """With --show-values the lines are the events as they are."""
    leave("a", "b", key=ANOTHER_KEY)
    leave("c")

    result = called(
        "spool", "export", "--show-values", "--key", fingerprint(ANOTHER_KEY)
    )

    lines = [json.loads(line) for line in result.out.splitlines()]
    assert ["a", "b"] == [line["event"] for line in lines]
    assert SECRET == lines[0]["userId"]


def test_export_makes_a_file_for_its_user_only(called, leave, tmp_path):
    """A file that is there already is not overwritten."""
    leave("a", "b")
    output = tmp_path / "events.jsonl"

    result = called("spool", "export", "--output", output, "--json")

    assert {"exported": 2, "damaged": 0} == result.json
    assert 2 == len(output.read_text().splitlines())
    assert 0o600 == stat.S_IMODE(output.stat().st_mode)
    again = called("spool", "export", "--output", output)
    assert 2 == again.code
    assert "is there already" in again.err
    assert 2 == called("spool", "export", "--output", tmp_path / "no" / "file").code


def test_export_of_dead_letters_says_why(called, bury):
    """An answer may quote the event, so that it is shown with the values only."""
    bury("a")
    bury("b", reason="expired", status=None)

    masked_line, _ = map(
        json.loads, called("spool", "export", "--dead").out.splitlines()
    )
    result = called("spool", "export", "--dead", "--show-values", "--status", 400)
    shown = json.loads(result.out)

    assert ("rejected", 400, "<str>") == (
        masked_line["reason"],
        masked_line["status"],
        masked_line["answer"],
    )
    assert "<str>" == masked_line["message"]["userId"]
    assert "id-a" == masked_line["message"]["messageId"]
    assert f"what is {SECRET}?" == shown["answer"]
    assert SECRET == shown["message"]["userId"]


def test_export_leaves_damaged_records_out(called, leave):
    """They are counted, and the others are written."""
    path = leave("a", "b")
    first, _ = sorted(path.glob("*.v1"))
    first.write_bytes(first.read_bytes().replace(b"track", b"trick"))

    result = called("spool", "export")

    assert "b" == json.loads(result.out)["event"]
    assert "1 event exported, 1 damaged record left out.\n" == result.err


# -- purge ------------------------------------------------------------------------


def test_purge_does_not_delete_unasked(called, leave, folder):
    """Where nobody can be asked, --yes is needed; a dry run only tells."""
    leave("a", "b")
    before = tree(folder)

    refused = called("spool", "purge")
    dry = called("spool", "purge", "--dry-run")

    assert (2, 0) == (refused.code, dry.code)
    assert "--yes" in refused.err
    assert "2 events would go.\n" == dry.out
    assert before == tree(folder)


def test_purge_leaves_living_processes_and_other_versions_alone(
    called, leave, folder, producing
):
    """Only what processes left that have ended goes."""
    with producing(3):
        path = leave("a", "b")
        (path / "1764000000125-000001.v2").write_text("of the future")
        leave("c")
        result = called("spool", "purge", "--yes")
        left = called("spool", "status", "--json").json

    assert "3 events deleted.\n" == result.out
    assert {("left", 0), ("alive", 3)} == {
        (one["state"], one["events"]) for one in left["processes"]
    }
    assert (path / "1764000000125-000001.v2").exists()


def test_purge_takes_what_is_old_or_of_one_key(called, leave):
    """The age is that of the file, the key is given by its fingerprint."""
    leave("a", age=3 * 86_400)
    leave("b")
    leave("c", key=ANOTHER_KEY)

    assert {"deleted": 1, "would_delete": 0} == called(
        "spool", "purge", "--yes", "--older-than", 2, "--json"
    ).json
    assert (
        "1 event deleted.\n"
        == called("spool", "purge", "--yes", "--key", fingerprint(ANOTHER_KEY)).out
    )
    assert "b" == json.loads(called("spool", "export").out)["event"]


def test_purge_of_dead_letters_keeps_the_others(called, bury, folder):
    """A file that has both kinds is written anew, for its user only."""
    letters = bury("a", "b")
    bury("c", reason="expired", status=None, letters=letters)

    result = called("spool", "purge", "--dead", "--yes", "--reason", "rejected")

    assert "2 dead letters deleted.\n" == result.out
    (path,) = (folder / "dead").iterdir()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert "expired" == json.loads(called("spool", "export", "--dead").out)["reason"]
    assert (
        "Nothing to delete.\n"
        == called("spool", "purge", "--dead", "--older-than", 1, "--yes").out
    )
    assert 0 == called("spool", "purge", "--dead", "--yes").code
    assert not list((folder / "dead").iterdir())


def test_filters_of_dead_letters_need_dead(called, folder):
    """A filter that would have no effect is refused."""
    for command in ("replay", "export", "purge"):
        result = called("spool", command, "--reason", "rejected")
        assert 2 == result.code
        assert "--dead" in result.err


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 0), ("n", 1, 1)])
def test_purge_asks_on_a_terminal(leave, folder, answer, code, left):
    """It says how much would go and for good, and takes no for an answer."""
    path = leave("a")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "spool", "purge"],
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        seen = b""
        deadline = time.monotonic() + 30
        while b"[y/N]" not in seen and time.monotonic() < deadline:
            seen += os.read(ours, 1000)
        os.write(ours, f"{answer}\n".encode())
        assert code == process.wait(timeout=30)
    os.close(ours)

    assert b"Delete 1 event of" in seen
    assert left == len(list(path.glob("*.v1")))
