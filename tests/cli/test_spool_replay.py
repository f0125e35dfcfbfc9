"""The spool's command that delivers: what it sends, what it leaves, how it ends."""

import json
import os
import signal
import subprocess
import threading
import time
from contextlib import closing

from cli_bench import (
    ANOTHER_KEY,
    COMMAND,
    KEY,
    SECRET,
    dead_events,
    poisoned,
    sent_ids,
)
from delivery_collector import Collector

from segment_integrations.core.events import wire_time
from segment_integrations.delivery.folders import (
    folders,
)
from segment_integrations.dev.server import running

DAY_S = 86_400


def test_what_a_killed_process_left_is_delivered(folder, producing, processed):
    """After kill -9 every accepted event is seen, and a replay delivers it."""
    with producing(1_200) as process:
        alive = json.loads(processed("spool", "status", "--json").stdout)
        assert ["alive"] == [one["state"] for one in alive["processes"]]
        process.kill()
    left = json.loads(processed("spool", "status", "--json").stdout)["totals"]
    assert (1_200, 1_200) == (left["events"], left["left_events"])

    with Collector() as collector:
        result = processed("spool", "replay", "--host", collector.host)

    assert (0, "1,200 events delivered.\n", "") == (
        result.returncode,
        result.stdout,
        result.stderr,
    )
    assert process.ids == sent_ids(collector)
    assert not folders(folder)


def test_the_local_collector_takes_a_replay(folder, producing, called):
    """What arrives is what was tracked, with the time of the call."""
    with running() as collector:
        with producing(5) as process:
            process.kill()
        assert 0 == called("spool", "replay", "--host", collector.url).code
        messages = collector.messages()

    assert sorted(process.ids) == sorted(one["messageId"] for one in messages)
    assert {"Paid"} == {one["event"] for one in messages}


def test_a_living_process_keeps_what_it_has(called, leave, producing, collector):
    """Its events are told and not sent; another key's neither."""
    target = collector()
    with producing(3):
        leave("a")
        leave("b", key=ANOTHER_KEY)
        result = called("spool", "replay", "--host", target.host, "--json")

    assert ["a"] == target.events
    assert 0 == result.code
    assert (1, 0, 3, 1) == (
        result.json["delivered"],
        result.json["left"],
        result.json["alive"],
        result.json["another_key"],
    )


def test_without_a_key_it_is_code_2(called, leave, monkeypatch):
    """Nobody but the key's owner can replay, and a wrong setting is told."""
    leave("a")
    monkeypatch.delenv("SEGMENT_WRITE_KEY")

    result = called("spool", "replay")
    wrong = called("spool", "replay", "--write-key", KEY, "--host", "ftp://x")

    assert (2, 2) == (result.code, wrong.code)
    assert "--write-key" in result.err
    assert "host must be" in wrong.err


def test_a_host_that_is_down_leaves_everything(processed, leave):
    """It stops when nothing gets through for the time given, and says why."""
    path = leave("a", "b")

    result = processed(
        "spool", "replay", "--host", "http://127.0.0.1:9", "--timeout", "0.3"
    )

    assert (1, "") == (result.returncode, result.stderr)
    assert "2 events left in the spool: nothing got through: Conn" in result.stdout
    assert 2 == len(list(path.glob("*.v1")))


def test_a_wrong_key_is_told_at_once(processed, leave, collector):
    """The circuit opens with the first answer; a log line does not say it again."""
    leave("a")

    result = processed("spool", "replay", "--host", collector(default=401).host)

    assert (1, "") == (result.returncode, result.stderr)
    assert "1 event left in the spool: 401: check the write key." in result.stdout


def test_what_is_refused_becomes_a_dead_letter(called, leave, collector, folder):
    """One event at fault does not take the others along, and is counted."""
    leave("a", "poison", "b")
    target = collector(default=poisoned)

    result = called("spool", "replay", "--host", target.host)

    assert 1 == result.code
    assert "2 events delivered." in result.out
    assert "1 event set aside as dead letters" in result.out
    assert "(last answer: 400)" in result.out
    assert SECRET not in result.out + result.err
    assert ["poison"] == dead_events(folder)


def test_a_dry_run_sends_nothing(called, leave, collector, bury):
    """It says what would be sent, and that old events may count twice."""
    leave("a", "b", age=3 * DAY_S)
    bury("c")
    target = collector()

    plain = called("spool", "replay", "--dry-run", "--host", target.host)
    dead = called("spool", "replay", "--dead", "--dry-run", "--host", target.host)
    told = called("spool", "replay", "--dry-run", "--host", target.host, "--json")

    assert f"2 events would be sent to {target.host}" in plain.out
    assert "with the write key key-…" in plain.out
    assert "oldest is 3 d old" in plain.out
    assert "counted twice" in plain.out
    assert "1 dead letter would be put back" in dead.out
    assert "3 events would be sent" in dead.out
    assert (2, 0) == (told.json["would_send"], told.json["would_put_back"])
    assert not target.requests
    assert 0 == plain.code == dead.code == told.code


def test_age_is_no_reason_to_give_up_what_was_asked_for(called, leave, collector):
    """Events far older than `max_age` are delivered, as of their own time."""
    leave("a", age=400 * DAY_S)
    target = collector()

    assert 0 == called("spool", "replay", "--host", target.host).code

    (request,) = target.requests
    assert "2026-01-02T03:04:05.678Z" == request.document["batch"][0]["timestamp"]
    assert request.document["sentAt"] > wire_time(time.time() - 60)


def test_damaged_records_are_counted(called, leave, collector):
    """What can't be read is not delivered, and the code says so once."""
    path = leave("a", "b")
    first, _ = sorted(path.glob("*.v1"))
    first.write_bytes(first.read_bytes().replace(b"track", b"trick"))
    target = collector()

    result = called("spool", "replay", "--host", target.host)
    again = called("spool", "replay", "--host", target.host)

    assert ["b"] == target.events
    assert (1, 0) == (result.code, again.code)
    assert "1 damaged record could not be read" in result.out


def test_a_disk_that_refuses_is_told(called, leave, collector):
    """A folder that can't be locked is left, with the system's own words."""
    path = leave("a")
    (path / "lock").unlink()
    (path / "lock").mkdir()

    result = called("spool", "replay", "--host", collector().host)

    assert 1 == result.code
    assert "the spool can't be used: Is a directory" in result.out


def test_ctrl_c_loses_nothing(folder, leave, processed):
    """What is in flight and what is behind it stays in the spool."""
    leave("a", "b", "c")
    arrived = threading.Event()

    def hang(_request):
        arrived.set()
        return "hang"

    with Collector(default=hang) as collector:
        command = [*COMMAND, "spool", "replay", "--host", collector.host]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert arrived.wait(30)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
    assert 130 == process.returncode
    assert "3 events left in the spool: interrupted" in out
    assert "Traceback" not in err

    with Collector() as collector:
        assert 0 == processed("spool", "replay", "--host", collector.host).returncode
    assert ["a", "b", "c"] == collector.events


def test_progress_is_for_terminals_only(folder, leave, collector):
    """On a terminal a bar is drawn on standard error; the result stays plain."""
    leave("a")
    ours, theirs = os.openpty()
    command = [*COMMAND, "spool", "replay", "--host", collector().host]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        os.close(theirs)
        out, _ = process.communicate(timeout=30)
    with closing(os.fdopen(ours, "rb", buffering=0)) as terminal:
        assert b"events" in terminal.read(4_096)
    assert (0, "1 event delivered.\n") == (process.returncode, out)
