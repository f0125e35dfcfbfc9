"""Folders of processes on one disk: whose they are, who takes them over, and when."""

import os
import shutil
import threading

import pytest
from delivery_bench import KEY
from spool_bench import SLACK, descriptors, leave, leftovers

from segment_integrations.delivery.folders import (
    DEAD,
    LOCK,
    fingerprint,
    folders,
)


def paths(directory):
    return [folder.path for folder in folders(directory)]


def test_the_name_of_a_folder_says_whose_it_is(spool, directory):
    """Key's fingerprint, process id, time, chance; and nothing of the key itself."""
    one = spool()
    one.prepare()
    (folder,) = folders(directory)
    assert (one.path, fingerprint(KEY), os.getpid()) == folder
    assert KEY not in str(folder.path)
    assert 0o700 == folder.path.stat().st_mode & 0o777
    assert 0o700 == directory.stat().st_mode & 0o777
    assert [folder.path / LOCK] == list(folder.path.iterdir())


def test_an_adopted_folder_goes_when_it_is_empty(spool, directory):
    """Once every file of it is settled, nothing of it remains."""
    leave(directory, [b"a"], [b"b"])
    one = spool()
    one.prepare()
    first, second = one.adopt()
    one.forget(first.file)
    one.adopt()
    assert 2 == len(paths(directory))
    one.forget(second.file)
    one.adopt()
    assert [one.path] == paths(directory)


def test_a_folder_without_files_goes_at_once(spool, directory):
    """A process that died before it wrote anything leaves nothing for long."""
    leave(directory)
    one = spool()
    one.prepare()
    assert [] == one.adopt()
    assert [one.path] == paths(directory)


def test_what_is_released_may_be_adopted_by_another(spool, directory):
    """Given back with files: the folder stays, and the next one takes it over."""
    one, other = spool(), spool()
    one.prepare()
    one.new_file().append([b"kept"])
    leave(directory, [b"older"])
    one.adopt()
    one.release()
    assert [[b"older"], [b"kept"]] == sorted(
        (left.file.read().bodies for left in other.adopt()), reverse=True
    )


def test_what_is_released_empty_is_gone(spool, directory):
    """A process that has sent everything leaves an empty directory."""
    one = spool()
    one.prepare()
    one.release()
    assert [] == list(directory.iterdir())


def test_two_clients_of_one_process_leave_each_other_alone(spool):
    """Locks are told apart within a process as well."""
    one, other = spool(), spool()
    for each in (one, other):
        each.prepare()
        each.new_file().append([b"mine"])
    assert [] == one.adopt() == other.adopt()
    one.release()
    assert 1 == len(other.adopt())


def test_another_key_is_another_source(spool, directory):
    """What was meant for another source is left alone, and leaves us our share."""
    leave(directory, [b"x" * 90], write_key="other")
    one = spool(max_bytes=60)
    one.prepare()
    assert -60 == one.excess_bytes  # not looked yet
    assert [] == one.adopt()
    assert -30 == one.excess_bytes
    assert {fingerprint(KEY), fingerprint("other")} == {
        folder.fingerprint for folder in folders(directory)
    }


@pytest.mark.parametrize(
    "name",
    [
        "1764000000125-000001.v0",
        "1764000000125-000001.v2",
        "1764000000125-000001.v1.tmp",
        "notes.txt",
        ".v1.swp",
    ],
)
def test_case_18_files_of_another_version_are_left_alone(spool, directory, name):
    """What we do not know is neither read nor deleted, and its folder stays."""
    path = leave(directory, [b"known"])
    (path / name).write_bytes(b"of another version\n")
    one = spool()
    one.prepare()
    (left,) = one.adopt()
    assert [b"known"] == left.file.read().bodies
    one.forget(left.file)
    one.release()
    assert [f"{path.name}/{name}"] == leftovers(directory)
    assert [] == one.adopt()
    assert [] == spool.errors


@pytest.mark.parametrize("name", ["garbage.v1", "99999999999999999999-1.v1", "²-1.v1"])
def test_case_18_a_file_with_a_strange_name_is_read(spool, directory, name):
    """Whatever stands before the suffix: its records are known by their checksums."""
    path = leave(directory, [b"known"])
    (file,) = path.glob("*.v1")
    file.rename(path / name)
    one = spool()
    one.prepare()
    (left,) = one.adopt()
    assert [b"known"] == left.file.read().bodies


@pytest.mark.parametrize(
    "name", ["notes", "a-b-c-d", f"{fingerprint(KEY)}-x-1-1", "a-1-2", "-1--", "----"]
)
def test_case_18_strange_folders_do_no_harm(spool, directory, name):
    """What is no process's folder is left alone, with all that is in it."""
    (directory / name).mkdir(parents=True)
    (directory / name / "0-1.v1").write_bytes(b"?\n")
    (directory / f"{name}.txt").write_bytes(b"?\n")
    one = spool()
    one.prepare()
    assert [] == one.adopt()
    one.release()
    assert sorted([f"{name}/0-1.v1", f"{name}.txt"]) == leftovers(directory)
    assert [] == spool.errors


def test_case_18_a_folder_that_is_removed_comes_back(spool, directory):
    """Somebody cleans the directory up while we run: the next write makes it anew."""
    one, other = spool(), spool()
    one.prepare()
    one.new_file().append([b"gone"])
    shutil.rmtree(directory)
    one.new_file().append([b"new"])
    assert [f"{one.path.name}"] == [path.name for path in paths(directory)]
    other.prepare()
    assert [] == other.adopt()


def test_case_18_a_folder_that_comes_back_costs_no_descriptor(spool, directory):
    """However often it is removed, no descriptor is left of the old one."""
    one = spool()
    one.prepare()
    for _ in range(5):
        shutil.rmtree(directory)
        one.prepare()
    assert 1 == descriptors(directory)


def test_writes_are_made_durable_once(spool):
    """`sync` does what there is to do, and has nothing to do the second time."""
    one = spool()
    one.prepare()
    files = [one.new_file() for _ in range(40)]
    for file in files:
        file.append([b"a"])
    assert one.sync()
    assert not one.sync()
    files[0].append([b"b"])
    one.forget(files[0])
    assert not one.sync()
    files[1].append([b"b"])
    one.release()
    assert not any(file.is_dirty for file in files)


def test_writers_that_start_at_once_share_a_file(spool, directory):
    """Threads that make the first write at the same moment: all is there."""
    one = spool()
    file = one.new_file()
    start = threading.Barrier(8)

    def write(who):
        start.wait(SLACK)
        for n in range(50):
            file.add(b"%d-%d" % (who, n))

    threads = [threading.Thread(target=write, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SLACK)
    assert 400 == len(set(file.read().bodies))
    assert [] == spool.errors


def test_a_file_that_rests_is_written_to_again(spool):
    """Files in plenty are closed and reopened behind the writer's back."""
    one = spool()
    files = [one.new_file() for _ in range(50)]
    for turn in range(3):
        for number, file in enumerate(files):
            file.add(b"%d-%d" % (number, turn))
    for number, file in enumerate(files):
        assert [b"%d-%d" % (number, turn) for turn in range(3)] == file.read().bodies


def test_dead_letters_are_no_process(spool, directory):
    """The folder of the dead letters is not taken for one that a process left."""
    (directory / DEAD).mkdir(parents=True)
    one = spool()
    assert [] == one.adopt()
    assert [] == folders(directory)
