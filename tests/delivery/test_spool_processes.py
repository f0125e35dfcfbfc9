"""Processes that live, fork and die on one spool: who has whose folder."""

import os
import signal
import subprocess
import sys

import pytest
from delivery_bench import KEY
from process_programs import WAIT_S, Program, environment
from spool_bench import SpoolBench, leave, spooled


@pytest.fixture
def program(tmp_path, directory):
    """Start programs that hold a spool on the directory, ended with the test."""
    made = []

    def start(script, **options):
        folder = tmp_path / f"program{len(made)}"
        folder.mkdir()
        made.append(
            Program(folder, PROGRAM.format(str(directory), KEY) + script, **options)
        )
        return made[-1]

    yield start
    for one in made:
        one.end()


PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from segment_integrations.delivery.spool import (
    Spool,
)

def say(*words):
    print(*words, flush=True)

def make():
    return Spool(Path({!r}), {!r}, failed=say)

def adopted(spool):
    return [body.decode() for left in spool.adopt() for body in left.file.read().bodies]

spool = make()
spool.prepare()
"""


def test_case_18_two_live_processes_leave_each_other_alone(program):
    """Neither adopts what the other, which still lives, has on disk."""
    one, two = (
        program(
            f"""
file = spool.new_file()
file.append([b'mine-{name}'])
say('ready')
sys.stdin.readline()
say(adopted(spool))
say(file.read().bodies)
sys.stdin.readline()
"""
        )
        for name in "ab"
    )
    one.hear("ready")
    two.hear("ready")
    for each, name in ((one, "a"), (two, "b")):
        each.say("go")
        each.hear("[]")
        each.hear(f"[b'mine-{name}']")


def test_case_17_a_killed_process_is_adopted(program, spool, directory):
    """As soon as a process is dead, what it left is there for another one."""
    one = program("spool.new_file().append([b'left'])\nsay('ready')\ntime.sleep(60)")
    one.hear("ready")
    other = spool()
    other.prepare()
    assert [] == other.adopt()
    one.send(signal.SIGKILL)
    one.ended()
    (left,) = other.adopt()
    assert [b"left"] == left.file.read().bodies
    assert 1 == left.lines
    assert [] == other.adopt()


def test_case_18_one_of_many_adopts_what_a_dead_process_left(program, directory):
    """Processes that start at the same moment share what is there, each file once."""
    for n in range(12):
        leave(directory, [b"left-%d" % n])
    start = (
        "say('ready')\nsys.stdin.readline()\nsay(*adopted(spool))\nsys.stdin.readline()"
    )
    many = [program(start) for _ in range(3)]
    for each in many:
        each.hear("ready")
    for each in many:
        each.say("go")
    got = [one for each in many for one in each.line().split()]
    assert sorted(f"left-{n}" for n in range(12)) == sorted(got)


FORKING = """
import segment_integrations.core.counters as counters
import segment_integrations.delivery.engine as engine
if not {hook}:
    for module in (counters, engine):
        module._after_fork_in_child.__code__ = (lambda: None).__code__
assert analytics.track("parent", user_id="u")
say(os.getpid())
if os.fork() == 0:
    signal.alarm(120)
    {use}
    say("child", os.getpid())
    time.sleep(120)
time.sleep(120)
"""


@pytest.mark.parametrize(
    ("hook", "use"),
    [
        (True, "pass"),
        (True, "assert analytics.flush(30)"),
        (False, "assert analytics.flush(30)"),
    ],
    ids=["hook", "hook, used", "no hook, used"],
)
def test_case_11_a_fork_does_not_keep_the_lock(
    tmp_path, collector, directory, hook, use
):
    """The parent is killed, its child lives: what the parent left can be adopted."""
    target = collector(default=503)
    one = Program(
        tmp_path,
        FORKING.format(hook=hook, use=use),
        target.host,
        settings=f"spool='always', spool_dir={str(directory)!r}",
        flags=(),
    )
    try:
        parent = int(one.line())
        word, _child = one.line().split()
        assert "child" == word
        os.kill(parent, signal.SIGKILL)
        one.process.wait(WAIT_S)
        other = SpoolBench(directory, write_key="key")
        other.settle()
        assert ["parent"] == other.events
        assert other.is_accounted
        other.close()
    finally:
        one.end()


def test_case_11_a_fork_does_not_release_the_lock(tmp_path, collector, directory):
    """The child uses its client and ends, and the parent's folder is still its own."""
    script = """
assert analytics.track("parent", user_id="u")
child = os.fork()
if child == 0:
    assert analytics.track("child", user_id="u")
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(child, 0)
say("ready")
sys.stdin.readline()
"""
    one = Program(
        tmp_path,
        script,
        collector(default=503).host,
        settings=f"spool='always', spool_dir={str(directory)!r}",
        flags=(),
    )
    try:
        one.hear("ready")
        other = SpoolBench(directory, write_key="key")
        other.settle()
        assert ["child"] == other.events
        assert ["parent"] == spooled(directory)
        other.close()
    finally:
        one.end()


def test_a_child_program_does_not_keep_the_lock(spool, eventually):
    """What the host starts with `subprocess` inherits no lock."""
    one, other = spool(), spool()
    one.prepare()
    one.new_file().append([b"left"])
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"],
        stdin=subprocess.PIPE,
        close_fds=False,
        env=environment(measured=False),
    )
    try:
        one.disown()
        # The kernel lets us go on a moment before it closes what is not inherited.
        eventually(lambda: 1 == len(other.adopt()))
    finally:
        child.communicate(b"\n", timeout=WAIT_S)
