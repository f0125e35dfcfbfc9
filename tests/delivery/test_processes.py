"""What happens to messages when processes fork and end; each in one of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent

PRELUDE = """
import os, sys
import segment_integrations.delivery.exit as process_exit
from segment_integrations.core.counters import Drops, Throttle
from segment_integrations.delivery.engine import Delivery
from segment_integrations.delivery.options import Options
from segment_integrations.delivery.transport import HttpTransport

def make(**options):
    throttle = Throttle()
    defaults = dict(queue_bytes=10**8, flush_at=500, flush_interval=60.0,
                    timeout=5.0, max_age=100.0, overflow="drop_newest")
    options = Options(**{{**defaults, **options}})
    return Delivery(HttpTransport("key", {host!r}), options,
                    drops=Drops(throttle), throttle=throttle)

def put(name, count, delivery=None):
    for n in range(count):
        body = b'{{"event":"%s-%d"}}' % (name.encode(), n)
        assert (delivery or DELIVERY).put(body, {{}})

DELIVERY = make()
"""


@pytest.fixture
def run(tmp_path):
    """Run a script against *target* in a fresh interpreter, bounded in time."""

    def start(target, script, *flags, **options):
        path = tmp_path / "script.py"
        path.write_text(PRELUDE.format(host=target.host) + script)
        return subprocess.run(
            [sys.executable, "-W", "error", *flags, str(path)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            check=False,
            **options,
        )

    return start


def expected(name, count):
    return [f"{name}-{n}" for n in range(count)]


def test_case_13_an_exit_sends_everything(collector, run):
    """5,000 messages and a plain end of the script: all arrive, in order."""
    target = collector()
    result = run(target, "put('e', 5000)")
    assert (0, "", "") == (result.returncode, result.stdout, result.stderr)
    assert expected("e", 5_000) == target.events


@pytest.mark.parametrize(
    ("end", "code"),
    [("sys.exit(3)", 3), ("sys.exit(0)", 0), ("raise KeyError", 1)],
)
def test_case_13_the_exit_code_stays(collector, run, end, code):
    """However the script ends, its messages arrive and its exit code is its own."""
    target = collector()
    assert code == run(target, f"put('e', 10)\n{end}").returncode
    assert expected("e", 10) == target.events


def test_case_13_what_is_left_is_counted_once(collector, run):
    """A collector that hangs costs the deadline once; the rest is one log line."""
    target = collector(default="hang")
    result = run(
        target,
        "process_exit.EXIT_DRAIN_S = 0.3\n"
        "other = make()\n"
        "put('e', 7); put('o', 5, other)\n",
    )
    assert 0 == result.returncode
    # An attempt that ends just before the deadline may have a line of its own.
    lost = [line for line in result.stderr.splitlines() if "not sent" in line]
    assert [f"{n} message(s) not sent: exit" for n in (5, 7)] == sorted(
        line.split(" (")[0] for line in lost
    )


def test_case_15_a_drain_is_not_repeated_at_the_exit(collector, run):
    """What a drain tried in vain is not waited for again unless more was put."""
    target = collector(default="hang")
    result = run(
        target,
        "process_exit.EXIT_DRAIN_S = 100\n"
        "put('e', 7)\n"
        "assert not DELIVERY.drain(0.2)\n",
    )
    assert 0 == result.returncode
    assert "7 message(s) not sent: exit" in result.stderr


def test_case_13_a_put_in_an_exit_handler_arrives(collector, run):
    """The first message put while the interpreter ends needs no new thread."""
    target = collector()
    result = run(target, "import atexit\natexit.register(lambda: put('e', 3))")
    assert (0, "") == (result.returncode, result.stderr)
    assert expected("e", 3) == target.events


@pytest.mark.parametrize("hook", [True, False])
def test_case_11_a_forked_child_sends_its_own_only(collector, run, hook):
    """Used before the fork: the child's arrive once, the parent's never twice."""
    target = collector()
    script = """
import segment_integrations.delivery.engine as engine
if not HOOK:
    engine._after_fork_in_child.__code__ = (lambda: None).__code__
put('before', 10)
assert DELIVERY.flush(10)
put('parent', 50)
pid = os.fork()
if pid == 0:
    assert DELIVERY.stats().enqueued == 0
    assert DELIVERY.flush(10)
    put('child', 100)
    assert DELIVERY.flush(10)
    assert DELIVERY.stats().delivered == 100
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert DELIVERY.stats().pending_events == 50
"""
    # From 3.12 on a fork beside a thread warns; this one is made with care.
    script = script.replace("HOOK", repr(hook))
    result = run(target, script, "-W", "ignore::DeprecationWarning")
    assert (0, "") == (result.returncode, result.stderr)
    assert expected("before", 10) == target.events[:10]
    assert sorted(expected("parent", 50) + expected("child", 100)) == sorted(
        target.events[10:]
    )


def test_case_11_a_child_that_ends_drains(collector, run):
    """A forked child that ends through `sys.exit` sends its own on the way."""
    target = collector()
    script = """
put('parent', 5)
pid = os.fork()
if pid == 0:
    put('child', 20)
    sys.exit(4)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4
"""
    result = run(target, script, "-W", "ignore::DeprecationWarning")
    assert (0, "") == (result.returncode, result.stderr)
    assert expected("child", 20) + expected("parent", 5) == target.events


def test_case_11_forks_under_load_do_not_hang(collector, run):
    """Children forked while three threads put can put, flush and end."""
    target = collector()
    script = """
import threading
stop = threading.Event()
def busy(name):
    while not stop.wait(0.0005):
        put(name, 20)
threads = [threading.Thread(target=busy, args=(f't{n}',)) for n in range(3)]
for thread in threads: thread.start()
for n in range(40):
    pid = os.fork()
    if pid == 0:
        put(f'child{n}', 5)
        os._exit(0 if DELIVERY.flush(10) else 1)
    if os.waitpid(pid, 0)[1]: print(f'child {n} failed')
stop.set()
for thread in threads: thread.join()
"""
    # Not measured: coverage's own lock, held by a thread at a fork, stops the child.
    env = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    result = run(target, script, "-W", "ignore::DeprecationWarning", env=env)
    assert (0, "", "") == (result.returncode, result.stdout, result.stderr)
    children = [event for event in target.events if event.startswith("child")]
    assert 200 == len(children) == len(set(children))


def test_case_11_the_worker_imports_nothing(collector, run):
    """A fork during an import of the worker would lock that module in the child."""
    script = """
loaded = set(sys.modules)
put('e', 2)
DELIVERY.flush(10)
assert DELIVERY.stats().delivered == 2
print(*(set(sys.modules) - loaded))
"""
    late = (503, {"Retry-After": "Fri, 01 May 2020 12:00:30 GMT"}, b"")
    assert "\n" == run(collector(late, "drop", 400), script).stdout


def test_a_closed_delivery_stays_closed_in_the_child(collector, run):
    """A child does not revive what its parent has closed."""
    script = """
put('e', 1)
DELIVERY.close(10)
pid = os.fork()
if pid == 0:
    os._exit(DELIVERY.put(b'{}', {}))
assert os.waitpid(pid, 0)[1] == 0
"""
    target = collector()
    assert 0 == run(target, script).returncode
    assert ["e-0"] == target.events


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_case_12_a_multiprocessing_child_drains(collector, run, method):
    """A target that returns without a flush: all of its messages arrive."""
    target = collector()
    script = f"""
import multiprocessing
if __name__ == '__main__':
    put('parent', 5)
    context = multiprocessing.get_context({method!r})
    child = context.Process(target=put, args=('child', 100))
    child.start()
    child.join()
    assert child.exitcode == 0
"""
    result = run(target, script, "-W", "ignore::DeprecationWarning")
    assert (0, "") == (result.returncode, result.stderr)
    assert expected("child", 100) + expected("parent", 5) == target.events


def test_a_process_that_sent_all_ends_without_a_wait(collector, run):
    """With nothing pending, the end of the process has nothing to wait for."""
    target = collector()
    started = time.monotonic()
    result = run(
        target,
        "process_exit.EXIT_DRAIN_S = 100\nput('e', 3)\nassert DELIVERY.flush(10)",
    )
    assert (0, "") == (result.returncode, result.stderr)
    assert time.monotonic() - started < 60
