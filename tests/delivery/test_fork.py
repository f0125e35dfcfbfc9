"""Cases 11 and 12: what happens to messages when processes fork."""

import os

import pytest
from process_programs import Program, expected, expected_of

FORKS = int(os.environ.get("SEGMENT_TEST_FORKS", "50"))
"""Case 11 says 500, which is the long form; half of the forks are Python's own."""

# From 3.12 on a fork beside a thread warns; these are made with care.
FLAGS = ("-W", "error", "-W", "ignore::DeprecationWarning")


@pytest.fixture
def run(tmp_path):
    """Run a program to its end; it is gone when the test is."""
    started = []

    def start(script, host, **options):
        started.append(Program(tmp_path, script, host, flags=FLAGS, **options))
        return started[-1]

    yield start
    for program in started:
        program.end()


def assert_ended_well(program):
    assert 0 == program.ended(), program.errors
    assert "" == program.errors


UNHOOKED = """
import segment_integrations.core.counters as counters
import segment_integrations.delivery.engine as engine
for module in (counters, engine):
    module._after_fork_in_child.__code__ = (lambda: None).__code__
"""
"""As in a server whose fork runs no Python hook, which uWSGI's does not."""


@pytest.mark.parametrize("hook", ["", UNHOOKED], ids=["hook", "no-hook"])
def test_case_11_a_forked_child_sends_its_own_only(run, collector, hook):
    """Used before the fork: the child's arrive once, the parent's never twice."""
    target = collector()
    script = """
put('before', 10)
assert analytics.flush(30)
put('parent', 50)
pid = os.fork()
if pid == 0:
    assert analytics.stats().enqueued == 0
    assert analytics.flush(30)
    put('child', 100)
    assert analytics.flush(30)
    assert analytics.stats().delivered == 100
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert analytics.stats().pending_events == 50
"""
    assert_ended_well(run(hook + script, target.host))
    assert expected("before", 10) == target.events[:10]
    assert sorted(expected("parent", 50) + expected("child", 100)) == sorted(
        target.events[10:]
    )


@pytest.mark.parametrize("hook", ["", UNHOOKED], ids=["hook", "no-hook"])
def test_case_11_a_child_that_ends_drains(run, collector, hook):
    """A forked child that ends by itself sends its own on the way."""
    target = collector()
    script = """
put('parent', 5)
pid = os.fork()
if pid == 0:
    put('child', 20)
    sys.exit(4)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4
"""
    assert_ended_well(run(hook + script, target.host))
    assert expected("child", 20) + expected("parent", 5) == target.events


def test_case_11_a_fork_starts_no_thread(run, collector):
    """Neither the parent nor the child has a thread more after the fork itself."""
    target = collector()
    script = """
def threads():
    return len(os.listdir("/proc/self/task"))

put('parent', 5)
assert analytics.flush(30)
before = threads()
read, write = os.pipe()
pid = os.fork()
if pid == 0:
    os.write(write, bytes([threads(), threading.active_count()]))
    put('child', 5)
    os.write(write, bytes([threads()]))
    sys.exit()
assert os.waitpid(pid, 0)[1] == 0
assert threads() == before == 2
say(*os.read(read, 3))
"""
    program = run(script, target.host)
    program.hear("1 1 2")  # it is started by the child's first message
    assert_ended_well(program)
    assert expected("parent", 5) + expected("child", 5) == target.events


def test_case_11_a_grandchild_sends_its_own(run, collector):
    """A daemon forks twice: each process sends what it has tracked itself, once."""
    target = collector()
    script = """
put('parent', 5)
pid = os.fork()
if pid == 0:
    put('child', 5)
    pid = os.fork()
    if pid == 0:
        put('grandchild', 5)
        sys.exit()
assert os.waitpid(pid, 0)[1] == 0
"""
    assert_ended_well(run(script, target.host))
    assert expected_of(["grandchild", "child", "parent"], 5) == target.events


def test_case_11_a_kept_connection_is_not_shared(run, collector):
    """Parent and children post at once and often, and no answer goes astray."""
    target = collector()
    script = """
put('parent', 1)
assert analytics.flush(30)
pids = []
for n in range(4):
    pid = os.fork()
    if pid == 0:
        for k in range(20):
            put(f'child{n}.{k}', 1)
            assert analytics.flush(30)
        os._exit(0)
    pids.append(pid)
for k in range(20):
    put(f'parent.{k}', 1)
    assert analytics.flush(30)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
assert analytics.stats().retried == 0
"""
    assert_ended_well(run(script, target.host))
    assert 101 == len(target.events) == len(set(target.events))
    assert 5 == target.connections


@pytest.mark.parametrize("hook", ["", UNHOOKED], ids=["hook", "no-hook"])
def test_case_11_forks_under_load_do_not_hang(run, collector, hook):
    """Children forked while three threads track can track, flush and end."""
    target = collector()
    script = """
stop = threading.Event()
def busy(name):
    while not stop.wait(0.005):
        put(name, 20)
threads = [threading.Thread(target=busy, args=(f't{n}',)) for n in range(3)]
for thread in threads: thread.start()
for n in range(FORKS):
    pid = os.fork()
    if pid == 0:
        put(f'child{n}', 5)
        os._exit(0 if analytics.flush(30) else 1)
    if os.waitpid(pid, 0)[1]: say(f'child {n} failed')
stop.set()
for thread in threads: thread.join()
""".replace("FORKS", str(FORKS // 2))
    # Without the hook the process's locks are as they were: only what is ours may be
    # expected to work, so the children log nothing.
    program = run(
        hook + script,
        target.host,
        settings="flush_interval=0.05, flush_at=50",
        measured=False,
    )
    assert program.line() is None
    assert_ended_well(program)
    children = [event for event in target.events if event.startswith("child")]
    assert 5 * (FORKS // 2) == len(children) == len(set(children))


def test_case_11_the_worker_imports_nothing(run, collector):
    """A fork during an import of the worker would lock that module in the child."""
    target = collector(
        (503, {"Retry-After": "Fri, 01 May 2020 12:00:30 GMT"}, b""), "drop", 400
    )
    script = """
loaded = set(sys.modules)
put('e', 2)
wait(lambda: analytics.flush(30) or analytics.stats().delivered == 2)
say(*(set(sys.modules) - loaded))
"""
    program = run(script, target.host)
    program.hear("")
    assert 0 == program.ended(), program.errors


def test_a_closed_client_stays_closed_in_the_child(run, collector):
    """A child does not revive what its parent has closed."""
    target = collector()
    script = """
put('e', 1)
assert analytics.close(30) == 0
pid = os.fork()
if pid == 0:
    os._exit(analytics.track('child', user_id='u') is not None)
assert os.waitpid(pid, 0)[1] == 0
"""
    assert 0 == run(script, target.host).ended()
    assert ["e-0"] == target.events


# -- multiprocessing ----------------------------------------------------------------

TASKS = [f"task{n}" for n in range(12)]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_case_12_a_multiprocessing_child_drains(run, collector, method):
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
    assert_ended_well(run(script, target.host))
    assert expected("child", 100) + expected("parent", 5) == target.events


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_case_12_a_pools_workers_drain(run, collector, method):
    """A pool that replaces its workers, and is closed: what each task tracked."""
    target = collector()
    script = f"""
import multiprocessing
if __name__ == '__main__':
    put('parent', 5)
    context = multiprocessing.get_context({method!r})
    with context.Pool(2, maxtasksperchild=3) as pool:
        pool.starmap(put, [(f'task{{n}}', 10) for n in range(12)], chunksize=1)
        pool.close()
        pool.join()
"""
    assert_ended_well(run(script, target.host))
    wanted = expected("parent", 5) + expected_of(TASKS, 10)
    assert sorted(wanted) == sorted(target.events)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_case_12_an_executors_workers_drain(run, collector, method):
    """`ProcessPoolExecutor`: what each job tracked arrives, once."""
    target = collector()
    script = f"""
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
if __name__ == '__main__':
    put('parent', 5)
    context = multiprocessing.get_context({method!r})
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        for job in [executor.submit(put, f'task{{n}}', 10) for n in range(12)]:
            job.result()
"""
    assert_ended_well(run(script, target.host))
    wanted = expected("parent", 5) + expected_of(TASKS, 10)
    assert sorted(wanted) == sorted(target.events)


@pytest.mark.parametrize("end", ["raise KeyError('x')", "sys.exit(3)"])
def test_case_12_a_child_that_fails_drains(run, collector, end):
    """A target that raises, or exits, has its messages sent all the same."""
    target = collector()
    script = f"""
import multiprocessing
def work():
    put('child', 10)
    {end}
if __name__ == '__main__':
    child = multiprocessing.get_context('fork').Process(target=work)
    child.start()
    child.join()
    say(child.exitcode)
"""
    program = run(script, target.host)
    program.hear("3" if "exit" in end else "1")
    assert 0 == program.ended()
    assert expected("child", 10) == target.events


def test_case_12_a_pool_that_is_terminated_drains_if_asked(run, collector):
    """Leaving ``with Pool()`` sends SIGTERM: inherited, `drain_on_sigterm` holds."""
    target = collector()
    script = """
import multiprocessing
if __name__ == '__main__':
    analytics.drain_on_sigterm()
    with multiprocessing.get_context('fork').Pool(2) as pool:
        pool.starmap(put, [(f'task{n}', 10) for n in range(12)], chunksize=1)
"""
    assert_ended_well(run(script, target.host))
    assert sorted(expected_of(TASKS, 10)) == sorted(target.events)
