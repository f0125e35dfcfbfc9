"""Case 20: programs whose blocking calls gevent has replaced. Servers: test_servers."""

import pytest
from process_programs import Program, expected, expected_of

NAMES = [f"greenlet{n}" for n in range(20)]

# gevent is imported by the program: where it is missing, these tests fail.
PATCH = "from gevent import monkey\nmonkey.patch_all()\n"

PRELUDE = """
import os, signal, sys, threading, time
from segment_integrations import Analytics

def make(**settings):
    return Analytics("key", host=HOST, **{"flush_interval": 600.0, **settings})

def put(name, count):
    for n in range(count):
        assert analytics.track(f"{name}-{n}", user_id="u")
"""
CLIENT = "analytics = make()\n"

GREENLETS = f"""
import gevent

def work(name):
    for n in range(100):
        assert analytics.track(f"{{name}}-{{n}}", user_id="u")
        gevent.sleep(0)

gevent.joinall([gevent.spawn(work, name) for name in {NAMES!r}], raise_error=True)
"""

# Seen from another greenlet: whether a wait lets the others run.
TICKS = """
ticks = 0
def tick():
    global ticks
    while True:
        ticks += 1
        gevent.sleep(0.01)
ticking = gevent.spawn(tick)
"""

WHEN = {
    "first": PATCH + PRELUDE + CLIENT,
    "after the import": PRELUDE + PATCH + CLIENT,
    "after the client was made": PRELUDE + CLIENT + PATCH,
}

# Python's own `threading` warns of being patched late, which is what is tested.
FLAGS = ("-W", "ignore")


@pytest.fixture
def run(tmp_path):
    """Start programs; they are gone when the test is."""
    started = []

    def start(script, target):
        script = script.replace("HOST", repr(target.host))
        # Not measured: coverage traces threads, which greenlets are not.
        started.append(Program(tmp_path, script, flags=FLAGS, measured=False))
        return started[-1]

    yield start
    for program in started:
        program.end()


def everything():
    return sorted(expected_of(NAMES, 100))


@pytest.mark.parametrize("end", ["", "assert analytics.flush(30)\nos._exit(0)\n"])
@pytest.mark.parametrize("when", WHEN)
def test_case_20_what_greenlets_track_arrives(run, collector, when, end):
    """20 greenlets track 100 events each: all arrive once, by the exit or a flush."""
    target = collector()
    program = run(WHEN[when] + GREENLETS + end, target)
    assert 0 == program.ended(), program.errors
    assert everything() == sorted(target.events)
    assert "Traceback" not in program.errors


@pytest.mark.parametrize("when", WHEN)
def test_case_20_events_go_while_greenlets_run(run, collector, when, eventually):
    """Nobody waits: the linger ends, and the worker sends, between the greenlets."""
    target = collector()
    program = run(
        WHEN[when].replace("600.0", "0.05") + GREENLETS + "while True: gevent.sleep(1)",
        target,
    )
    eventually(lambda: 2_000 <= len(target.events), 30)
    assert everything() == sorted(target.events)
    assert program.process.poll() is None


@pytest.mark.parametrize("when", ["first", "after the import"])
def test_case_20_a_wait_lets_other_greenlets_run(run, collector, when):
    """While `flush` waits for a collector that hangs, another greenlet goes on."""
    program = run(
        WHEN[when]
        + "import gevent\n"
        + TICKS
        + "put('e', 5)\n"
        + "gevent.sleep(0.05)\n"
        + "before = ticks\n"
        + "print(analytics.flush(1), ticks - before >= 10)\n"
        + "print(analytics.close(0.1), flush=True)\n",
        collector(default="hang"),
    )
    program.hear("False True")
    program.hear("5")
    assert 0 == program.ended(), program.errors


@pytest.mark.parametrize("when", WHEN)
def test_case_20_a_call_lets_no_other_greenlet_run(run, collector, when):
    """`track` never yields to the hub, once the first one has started the worker."""
    target = collector()
    program = run(
        WHEN[when]
        + "import gevent\n"
        + "import greenlet\n"
        + "put('first', 1)\n"
        + "switches = []\n"
        + "greenlet.settrace(lambda event, _: switches.append(event))\n"
        + "put('e', 2000)\n"
        + "greenlet.settrace(None)\n"
        + "print(switches.count('switch'), flush=True)\n"
        + "assert analytics.flush(30)\n",
        target,
    )
    program.hear("0")
    assert 0 == program.ended(), program.errors
    assert expected("first", 1) + expected("e", 2_000) == target.events


@pytest.mark.parametrize("when", WHEN)
def test_case_20_a_forked_child_sends_its_own(run, collector, when):
    """gevent's own fork: parent and child send what each has tracked, once."""
    target = collector()
    program = run(
        WHEN[when]
        + "put('before', 5)\n"
        + "assert analytics.flush(30)\n"
        + "put('parent', 5)\n"
        + "pid = os.fork()\n"
        + "if pid == 0:\n"
        + "    put('child', 5)\n"
        + "    sys.exit(0)\n"
        + "assert os.waitpid(pid, 0)[1] == 0\n",
        target,
    )
    assert 0 == program.ended(), program.errors
    assert expected_of(["before", "child", "parent"], 5) == target.events
