"""The file format of the spool: what is damaged is never read, what is whole always."""

import json
import os
import signal
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from spool_bench import SLACK, descriptors, file_size_limit

from segment_integrations.delivery.record import (
    FILE_MODE,
    RecordFile,
    open_file,
    parse,
    record,
)

ANY = st.lists(st.binary(max_size=80), max_size=12)
"""Whatever bytes, line feeds and empty ones among them."""

JSON = st.lists(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=5,
    ).map(lambda value: json.dumps(value, ensure_ascii=False).encode()),
    max_size=12,
)


def lines(bodies):
    """What is expected to be read of *bodies*: a line feed is a space."""
    return [body.replace(b"\n", b" ") for body in bodies]


def spans(bodies):
    """Where in the file each record begins and ends."""
    found, at = [], 0
    for body in bodies:
        end = at + len(record(body))
        found.append((at, end))
        at = end
    return found


def is_subsequence(part, whole):
    rest = iter(whole)
    return all(any(one == other for other in rest) for one in part)


@given(ANY | JSON)
@example([b""])
@example([b"\n", b"a\nb"])
def test_case_18_an_untouched_file_is_read_as_it_was_written(bodies):
    """Every record is read, in order, and nothing else."""
    data = b"".join(map(record, bodies))
    assert (lines(bodies), 0) == parse(data)


@given(ANY, st.data())
def test_case_18_a_truncated_file_has_all_that_is_whole(bodies, data):
    """Cut at any byte: the records before the cut are read, the torn one is not."""
    whole = b"".join(map(record, bodies))
    cut = data.draw(st.integers(0, len(whole)))
    untouched = [
        line
        for line, (_, end) in zip(lines(bodies), spans(bodies), strict=True)
        if end <= cut
    ]
    assert (untouched, 0) == parse(whole[:cut])


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=80), min_size=1, max_size=12), st.data())
def test_case_18_one_flipped_bit_is_never_read(bodies, data):
    """The record that it hits is not read, nor one joined to it; the rest is."""
    whole = bytearray(b"".join(map(record, bodies)))
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8
    hit = [begin <= bit // 8 < end for begin, end in spans(bodies)].index(True)
    is_end = bit // 8 == spans(bodies)[hit][1] - 1
    expected = lines(bodies)
    del expected[hit : hit + 1 + is_end]
    assert expected == parse(bytes(whole)).bodies


@settings(max_examples=300)
@given(ANY, st.data())
def test_case_18_whatever_is_flipped_and_cut_no_wrong_record_is_read(bodies, data):
    """What is read is part of what was written, in order; what is untouched is read."""
    whole = bytearray(b"".join(map(record, bodies)))
    bits = data.draw(st.sets(st.integers(0, max(0, len(whole) * 8 - 1)), max_size=20))
    for bit in bits if whole else ():
        whole[bit // 8] ^= 1 << bit % 8
    cut = data.draw(st.integers(0, len(whole)))
    touched = {bit // 8 for bit in bits}
    untouched = [
        line
        for line, (begin, end) in zip(lines(bodies), spans(bodies), strict=True)
        # The line feed before it counts as its own: without that it has no beginning.
        if end <= cut and not touched & set(range(max(0, begin - 1), end))
    ]
    got = parse(bytes(whole[:cut])).bodies
    assert is_subsequence(got, lines(bodies))
    assert is_subsequence(untouched, got)


@given(st.binary(max_size=300))
def test_case_18_noise_is_no_record(noise):
    """Bytes that were never written by us are counted as damaged lines, at most."""
    assert ([], noise.count(b"\n")) == parse(noise)


@settings(max_examples=50)
@given(ANY, st.lists(st.integers(1, 5), max_size=12))
def test_a_file_gets_what_is_appended(bodies, sizes):
    """Records appended in portions of any size are in the file, and in its size."""
    with TemporaryDirectory() as folder:
        file = RecordFile(Path(folder) / "one.v1")
        rest = list(bodies)
        for size in [*sizes, len(bodies)]:
            file.append(rest[:size])
            del rest[:size]
        assert (lines(bodies), 0) == file.read()
        assert file.path.stat().st_size == file.size
        assert file.is_whole
        assert FILE_MODE == file.path.stat().st_mode & 0o777


def test_a_file_is_not_there_before_it_is_written_to(tmp_path):
    """A file that nobody wrote to costs neither disk nor descriptor."""
    file = RecordFile(tmp_path / "one.v1")
    assert not file.path.exists()
    assert 0 == descriptors(tmp_path)
    file.remove()
    file.remove()


def test_threads_that_append_at_once_keep_records_apart(tmp_path):
    """Eight threads on one file: every record is whole, in order for each thread."""
    file = RecordFile(tmp_path / "one.v1")
    start = threading.Barrier(8)

    def write(who):
        start.wait(SLACK)
        for n in range(300):
            file.add(b"%d %d %b" % (who, n, b"x" * (n * 7 % 500)))

    threads = [threading.Thread(target=write, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SLACK)
    bodies, damaged = file.read()
    assert (2_400, 0) == (len(bodies), damaged)
    for who in range(8):
        mine = [int(one.split()[1]) for one in bodies if one.startswith(b"%d " % who)]
        assert list(range(300)) == mine


def test_case_01_a_signal_handler_may_append(tmp_path):
    """Records of a handler that interrupts writes at any place are apart as well."""
    file = RecordFile(tmp_path / "one.v1")
    handled = []

    def handler(*_):
        handled.append(None)
        file.add(b"signal")

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for _ in range(5_000):
            file.add(b"main")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    bodies, damaged = file.read()
    assert 0 == damaged
    assert 5_000 == bodies.count(b"main")
    assert len(handled) == bodies.count(b"signal")


@pytest.mark.parametrize("room", [0, 5, 25])
def test_case_18_a_failed_write_is_told(tmp_path, room):
    """A full disk is an OSError, and the file is known not to be whole."""
    file = RecordFile(tmp_path / "one.v1")
    size = len(record(b"first"))
    with file_size_limit(size + room):
        file.add(b"first")
        assert file.is_whole
        with pytest.raises(OSError):
            file.add(b"x" * 100)
    assert not file.is_whole
    assert [b"first"] == file.read().bodies


def test_case_18_a_torn_record_costs_no_later_one(tmp_path):
    """What is written once there is room again can be read, whatever was torn."""
    file = RecordFile(tmp_path / "one.v1")
    file.add(b"first")
    with file_size_limit(file.size + 25), pytest.raises(OSError):
        file.add(b"x" * 100)
    file.add(b"second")
    file.add(b"third")
    assert [b"first", b"second", b"third"] == file.read().bodies


def test_case_18_what_is_appended_in_vain_leaves_nothing_behind(tmp_path):
    """An append that fails in the middle is taken back: it was not kept."""
    file = RecordFile(tmp_path / "one.v1")
    file.append([b"first"])
    with file_size_limit(file.size + 50), pytest.raises(OSError):
        file.append([b"second", b"third", b"x" * 100])
    assert [b"first"] == file.read().bodies
    assert file.path.stat().st_size == file.size


def test_a_removed_file_is_gone_and_stays_gone(tmp_path):
    """After `remove` a write has no effect, and no error."""
    file = RecordFile(tmp_path / "one.v1")
    file.append([b"first"])
    file.remove()
    file.append([b"late"])
    file.remove()
    assert [] == list(tmp_path.iterdir())


def test_a_write_under_way_leaves_no_file_behind(tmp_path):
    """A file that is removed while a write opens it is not there afterwards."""

    def slow(file):
        file.remove()
        return open_file(file)

    file = RecordFile(tmp_path / "one.v1", open_file=slow)
    file.append([b"late"])
    assert [] == list(tmp_path.iterdir())


def test_a_file_that_was_only_opened_can_be_removed(tmp_path):
    """A first write for which there was no room leaves no file either."""
    file = RecordFile(tmp_path / "one.v1")
    with file_size_limit(0), pytest.raises(OSError):
        file.append([b"first"])
    file.remove()
    assert [] == list(tmp_path.iterdir())


def test_the_descriptor_goes_with_the_file(tmp_path):
    """What was opened is closed with the last reference."""
    file = RecordFile(tmp_path / "one.v1")
    file.append([b"first"])
    file.sync()
    assert not file.is_dirty
    del file
    assert 0 == descriptors(tmp_path)


def test_a_descriptor_is_not_inherited_by_programs(tmp_path):
    """A program that the host starts does not keep the file open."""
    file = RecordFile(tmp_path / "one.v1")
    file.append([b"first"])
    assert not os.get_inheritable(file._descriptor.number)
