"""A spool that can't be used, or is damaged: told once, and events go out."""

import errno
import fcntl
import logging
import os
import subprocess
from pathlib import Path

import pytest
from delivery_bench import KEY, body
from process_programs import WAIT_S, Program
from spool_bench import (
    NAMES,
    SLACK,
    accounted,
    file_size_limit,
    leave,
    leftovers,
    no_descriptors,
    put,
    spooled,
)

from segment_integrations.delivery.folders import (
    record_files,
)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KB, where the test may mount one."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=WAIT_S, check=False)
    except OSError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("may not mount")
    yield path
    subprocess.run(["umount", "-l", str(path)], timeout=WAIT_S, check=True)


def complaints(caplog):
    """What the log says of the spool, each line once a minute at most."""
    lines = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert not [line for line in lines if "e0" in line or "id-" in line or KEY in line]
    return [line for line in lines if "the spool in" in line]


def all_arrive_from_memory(collector, deliver_spooled, caplog, text, **options):
    """With a spool that can't be used: nothing is raised, and it is said once."""
    target = collector(503)
    delivery = deliver_spooled(target, rand=lambda: 0.01, **options)
    put(delivery, *NAMES)
    assert delivery.flush(SLACK)
    assert NAMES == list(dict.fromkeys(target.events))
    (line,) = complaints(caplog)
    assert text in line
    assert text in delivery.stats().spool_error
    assert accounted(delivery)
    assert 0 == delivery.close(SLACK)


def test_case_18_a_missing_directory_is_made(
    collector, deliver_spooled, directory, caplog
):
    """Parents too, for the process's own user only."""
    target = collector()
    delivery = deliver_spooled(target, spool_dir=directory / "a" / "b")
    put(delivery, *NAMES)
    assert delivery.flush(SLACK)
    assert NAMES == target.events
    assert 0o700 == (directory / "a" / "b").stat().st_mode & 0o777
    assert [] == complaints(caplog)
    assert delivery.stats().spool_error is None


@pytest.mark.parametrize("mode", ["always", "overflow"])
def test_case_18_a_directory_below_a_file(
    collector, deliver_spooled, caplog, tmp_path, *, mode
):
    """A path that can't be made: delivery from memory."""
    (tmp_path / "file").write_bytes(b"")
    all_arrive_from_memory(
        collector,
        deliver_spooled,
        caplog,
        "Not a directory",
        spool_dir=tmp_path / "file" / "spool",
        mode=mode,
    )


def test_case_18_a_file_system_that_has_no_folders_for_us(
    collector, deliver_spooled, caplog
):
    """A place where nobody can make a folder."""
    all_arrive_from_memory(
        collector, deliver_spooled, caplog, "", spool_dir=Path("/proc/self/spool")
    )


def test_case_18_a_file_system_without_locks(
    collector, deliver_spooled, directory, caplog, monkeypatch
):
    """`flock` is not there: the spool is not used, and no trace of it stays."""

    def flock(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    all_arrive_from_memory(
        collector, deliver_spooled, caplog, os.strerror(errno.ENOLCK)
    )
    assert [] == list(directory.iterdir())


DENIED = """
import logging
os.setgid(65534); os.setuid(65534)
client = make(spool={mode!r}, spool_dir={directory!r}, flush_at=10)
put("e", 40, client)
assert client.flush(30)
stats = client.stats()
assert (40, 0, {{}}) == (stats.delivered, stats.pending_events, stats.dropped), stats
say(stats.spool_error)
"""


@pytest.mark.parametrize("mode", ["always", "overflow"])
def test_case_18_a_read_only_directory(tmp_path, collector, directory, mode):
    """We may not write there: said once by the process, and all arrives."""
    if os.getuid():
        pytest.skip("may not become another user")
    directory.mkdir(mode=0o755)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o5 != 0o5 and folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o5)
    target = collector()
    script = DENIED.format(mode=mode, directory=str(directory))
    one = Program(tmp_path, script, target.host, measured=False)
    try:
        assert "Permission denied" == one.line(), one.errors
        assert 0 == one.ended()
        assert 40 == len(target.events)
        assert 1 == one.errors.count("can't be used (Permission denied)")
    finally:
        one.end()


@pytest.mark.parametrize("mode", ["always", "overflow"])
def test_case_18_a_full_disk(collector, deliver_spooled, small_disk, caplog, mode):
    """What fits is there, what does not stays in memory; all arrives, in order."""
    target = collector(*[503] * 3)
    size = len(body("e000", pad=1_000))
    delivery = deliver_spooled(
        target,
        mode,
        spool_dir=small_disk / "spool",
        rand=lambda: 0.1,
        queue_bytes=300 * size,
    )
    names = [f"e{n:03d}" for n in range(200)]
    for name in names:
        assert delivery.put(body(name, pad=1_000), {})
    assert accounted(delivery)
    assert delivery.flush(SLACK)
    assert names == list(dict.fromkeys(target.events))
    assert accounted(delivery)
    (line,) = complaints(caplog)
    assert "make room on the disk" in line
    assert 0 == delivery.stats().spooled_bytes
    assert 0 == delivery.close(SLACK)


def test_case_18_what_a_full_disk_can_not_keep_is_counted(
    collector, deliver_spooled, small_disk, caplog
):
    """Closed in an outage: so much as fits is kept, and the rest is dropped."""
    drops_at_most = 200
    target = collector(default=503)
    delivery = deliver_spooled(
        target, "overflow", spool_dir=small_disk / "spool", timeout=0.5
    )
    for n in range(200):
        assert delivery.put(body(f"e{n:03d}", pad=1_000), {})
    left = delivery.close(0.5)
    stats = delivery.stats()
    assert 200 == left == stats.pending_events + stats.dropped["closed"]
    assert 0 < stats.dropped["closed"] < drops_at_most
    assert accounted(delivery)
    on_disk = spooled(small_disk / "spool")
    assert stats.pending_events == len(on_disk) == len(set(on_disk))
    target.default = 200
    other = deliver_spooled(target, "overflow", spool_dir=small_disk / "spool")
    before = len(target.events)
    assert other.flush(SLACK)
    assert on_disk == target.events[before:]
    assert accounted(other)


def test_case_18_the_disk_has_room_again(collector, deliver_spooled, directory, caplog):
    """After a full disk the spool is used again without anybody's help."""
    target = collector(default=503)
    delivery = deliver_spooled(target, flush_at=100)
    with file_size_limit(30):
        put(delivery, *NAMES[:10])
    put(delivery, *NAMES[10:])
    assert set(NAMES[10:]) <= set(spooled(directory))
    assert 1 == len(complaints(caplog))
    target.default = 200
    assert delivery.flush(SLACK)
    assert NAMES == list(dict.fromkeys(target.events))
    assert [] == leftovers(directory)
    assert accounted(delivery)


def test_case_18_no_descriptor_is_left(collector, deliver_spooled, directory):
    """The host has used up its descriptors: no call raises, and all arrives later."""
    target = collector(default=503)
    delivery = deliver_spooled(target, flush_at=5)
    put(delivery, *NAMES[:5])
    with no_descriptors():
        put(delivery, *NAMES[5:])
    target.default = 200
    delivery.flush(SLACK)
    assert accounted(delivery)
    assert NAMES == list(dict.fromkeys(target.events))


def damage(path, kind):
    """Do *kind* to the file at *path*."""
    data = bytearray(path.read_bytes())
    if kind == "truncated":
        del data[-20:]
    elif kind == "flipped":
        data[20] ^= 1
    elif kind == "noise":
        data[:] = bytes(range(256)) * 4
    elif kind == "empty":
        data.clear()
    elif kind == "old":
        path.rename(path.with_suffix(".v0"))
        return
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("kind", "arrive"),
    [
        ("truncated", ["b1"]),
        ("flipped", ["b2"]),
        ("noise", []),
        ("empty", []),
        ("old", []),
    ],
)
def test_case_18_a_damaged_segment_costs_no_other(
    collector, deliver_spooled, directory, caplog, *, kind, arrive
):
    """Of three segments the middle one is damaged: the others arrive, and we go on."""
    for name in "abc":
        path = leave(directory, [body(f"{name}1"), body(f"{name}2")])
        if name == "b":
            damage(*record_files(path), kind)
    target = collector()
    delivery = deliver_spooled(target)
    put(delivery, "own")
    delivery.flush(SLACK)
    old = [event for event in target.events if event != "own"]
    assert ["a1", "a2", *arrive, "c1", "c2"] == old
    assert "own" in target.events
    assert accounted(delivery)
    dropped = delivery.stats().dropped.get("spool_damaged", 0)
    assert {"flipped": 1, "noise": 4}.get(kind, 0) == dropped
    assert (dropped > 0) == ("spool_damaged" in caplog.text)
    delivery.close(SLACK)
    assert (["b1.v0"] if kind == "old" else []) == [
        "b1.v0" for name in leftovers(directory) if name.endswith(".v0")
    ]


def test_case_18_a_folder_that_can_not_be_locked(
    collector, deliver_spooled, directory, caplog
):
    """One process's folder is unreadable: it is told, and another one is adopted."""
    bad = leave(directory, [body("bad")])
    leave(directory, [body("good")])
    (bad / "lock").unlink()
    (bad / "lock").mkdir()
    target = collector()
    delivery = deliver_spooled(target)
    assert delivery.flush(SLACK)
    assert ["good"] == target.events
    (line,) = complaints(caplog)
    assert "Is a directory" in line
