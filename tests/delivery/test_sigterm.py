"""Case 14: what `drain_on_sigterm` saves when SIGTERM ends a program."""

import signal

import pytest
from process_programs import Program, expected

TERM = -signal.SIGTERM
"""What `subprocess` says of a process that SIGTERM has ended."""

QUEUED = "put('e', 1000)\nsay('queued')\n"
STAY = "while True: time.sleep(60)\n"


@pytest.fixture
def run(tmp_path):
    """Start programs; they are gone when the test is."""
    started = []

    def start(script, host, settings="", **options):
        settings = f"{{'flush_at': 2000, **dict({settings})}}"  # sent by a drain only
        started.append(
            Program(tmp_path, script, host, settings=f"**{settings}", **options)
        )
        return started[-1]

    yield start
    for program in started:
        program.end()


def test_case_14_a_queue_is_sent_before_the_end(run, collector):
    """1,000 queued: all arrive, and the exit status is still SIGTERM's."""
    target = collector()
    program = run("analytics.drain_on_sigterm()\n" + QUEUED + STAY, target.host)
    program.hear("queued")
    assert [] == target.events
    program.send(signal.SIGTERM)
    assert TERM == program.ended()
    assert expected("e", 1_000) == target.events
    assert "" == program.errors


def test_case_14_without_it_the_signal_ends_at_once(run, collector):
    """A program that did not ask for it ends as it always did, and loses its queue."""
    target = collector()
    program = run(QUEUED + STAY, target.host)
    program.hear("queued")
    program.send(signal.SIGTERM)
    assert TERM == program.ended()
    assert [] == target.events


def test_case_14_nothing_queued_ends_at_once(run, collector):
    """A program that has sent nothing, or all, ends by the signal as well."""
    target = collector()
    program = run("analytics.drain_on_sigterm(600)\nsay('ready')\n" + STAY, target.host)
    program.hear("ready")
    program.send(signal.SIGTERM)
    assert TERM == program.ended()
    assert [] == target.events


EXITS = """
def before(number, frame):
    say("before", number == signal.SIGTERM, frame is not None)
    raise SystemExit(7)
signal.signal(signal.SIGTERM, before)
"""
FLAGS = """
flags = []
signal.signal(signal.SIGTERM, lambda *_: flags.append(1))
"""
UNTIL_FLAGGED = """
wait(lambda: flags)
put("late", 3)
say(len(flags))
"""


def test_case_14_a_handler_that_exits_is_called_afterwards(run, collector):
    """What handled the signal before runs after the drain; its exit code holds."""
    target = collector()
    program = run(EXITS + "analytics.drain_on_sigterm()\n" + QUEUED + STAY, target.host)
    program.hear("queued")
    program.send(signal.SIGTERM)
    program.hear("before True True")
    assert expected("e", 1_000) == target.events
    assert 7 == program.ended()
    assert "" == program.errors


def test_case_14_a_handler_that_sets_a_flag_goes_on(run, collector):
    """A program that ends in its own time does so, once, and what it adds arrives."""
    target = collector()
    program = run(
        FLAGS + "analytics.drain_on_sigterm()\n" + QUEUED + UNTIL_FLAGGED, target.host
    )
    program.hear("queued")
    program.send(signal.SIGTERM)
    program.hear("1")
    assert 0 == program.ended()
    assert expected("e", 1_000) + expected("late", 3) == target.events


def test_case_14_an_ignored_signal_stays_ignored(run, collector):
    """SIG_IGN before: the queue is sent, and the program goes on."""
    target = collector()
    program = run(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "analytics.drain_on_sigterm()\n" + QUEUED + "hear('end')\n",
        target.host,
    )
    program.hear("queued")
    for _ in range(3):
        program.send(signal.SIGTERM)
    program.say("end")
    assert 0 == program.ended()
    assert expected("e", 1_000) == target.events


BUSY = """
analytics.drain_on_sigterm()
out = os.open("reported.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
say("busy")
while True:
    os.write(out, (analytics.track("e", user_id="u") + "\\n").encode())
"""


def test_case_14_what_a_busy_main_thread_was_told_is_kept(run, collector, tmp_path):
    """In a loop that only tracks, each id that was given out has arrived."""
    target = collector()
    program = run(BUSY, target.host, measured=False, settings="flush_interval=0.01")
    program.hear("busy")
    reported = tmp_path / "reported.txt"
    while not reported.exists() or reported.stat().st_size < 50_000:
        assert program.process.poll() is None, program.errors
    program.send(signal.SIGTERM)
    assert TERM == program.ended()
    ids = {
        message["messageId"]
        for request in target.requests
        for message in request.document["batch"]
    }
    given = reported.read_text().split()
    assert len(given) > 1_000
    assert set() == set(given) - ids


@pytest.mark.parametrize("before", [0, 4], ids=["first", "fills-a-batch"])
def test_case_14_wherever_the_signal_interrupts(run, collector, before):
    """At each point of a call the drain within the handler sends all that is there."""
    target = collector()
    program = run(
        f"import process_terminated\nprocess_terminated.main(make, {before})\n",
        target.host,
        measured=False,
    )
    given = {}
    while (line := program.line()) is not None:
        point, message_id = line.rsplit(" ", 1)
        given[message_id] = point
    assert 0 == program.ended(), program.errors
    ids = {
        message["messageId"]
        for request in target.requests
        for message in request.document["batch"]
    }
    assert len(set(given.values())) > 30
    assert [] == sorted({given[one] for one in set(given) - ids})


def test_case_14_a_second_signal_does_not_wait(run, collector, eventually):
    """While the drain waits for a collector that hangs, SIGTERM ends the program."""
    target = collector(default="hang")
    program = run("analytics.drain_on_sigterm(600)\n" + QUEUED + STAY, target.host)
    program.hear("queued")
    program.send(signal.SIGTERM)
    eventually(lambda: target.requests)
    assert program.process.poll() is None
    program.send(signal.SIGTERM)
    assert TERM == program.ended()


def test_case_14_a_second_signal_calls_the_handler_once(run, collector, eventually):
    """The handler from before is not called again when the drain ends after all."""
    target = collector("hang")
    program = run(
        FLAGS + "analytics.drain_on_sigterm(600)\n" + QUEUED + "wait(lambda: flags)\n"
        "say('flagged')\nhear('end')\n"
        "assert analytics.flush(30)\n"
        "time.sleep(0.2)  # for a signal that should not come\n"
        "say(len(flags))\n",
        target.host,
        settings="timeout=60",
    )
    program.hear("queued")
    program.send(signal.SIGTERM)
    eventually(lambda: target.requests)
    program.send(signal.SIGTERM)
    target.released.set()
    program.hear("flagged")
    program.say("end")
    program.hear("1")
    assert 0 == program.ended(), program.errors


def test_case_14_a_collector_that_hangs_costs_the_timeout(run, collector):
    """The end comes by itself when the drain is out of time."""
    target = collector(default="hang")
    program = run("analytics.drain_on_sigterm(0.3)\n" + QUEUED + STAY, target.host)
    program.hear("queued")
    program.send(signal.SIGTERM)
    assert TERM == program.ended()


def test_case_14_a_handler_that_exits_is_not_held_up_twice(run, collector):
    """After a drain in vain the exit does not wait again; the rest is one log line."""
    target = collector(default="hang")
    program = run(
        "import segment_integrations.delivery.exit as process_exit\n"
        "process_exit.EXIT_DRAIN_S = 600\n"
        + EXITS
        + "analytics.drain_on_sigterm(0.3)\n"
        + QUEUED
        + STAY,
        target.host,
    )
    program.hear("queued")
    program.send(signal.SIGTERM)
    assert 7 == program.ended()
    assert "1000 message(s) not sent: exit" in program.errors


def test_case_14_a_spool_keeps_what_a_drain_could_not_send(run, collector, tmp_path):
    """Out of time with a spool: the next program sends it."""
    hanging = collector(default="hang")
    settings = f"spool='overflow', spool_dir={str(tmp_path / 'spool')!r}"
    program = run(
        EXITS + "analytics.drain_on_sigterm(0.3)\n" + QUEUED + STAY,
        hanging.host,
        settings=settings,
    )
    program.hear("queued")
    program.send(signal.SIGTERM)
    assert 7 == program.ended()
    target = collector()
    following = run("assert analytics.flush(30)\n", target.host, settings=settings)
    assert 0 == following.ended(), following.errors
    assert expected("e", 1_000) == target.events


def test_case_14_a_forked_child_sends_its_own(run, collector):
    """`Process.terminate` of a child that inherited the handler loses nothing of it."""
    target = collector()
    program = run(
        "import multiprocessing\n"
        "def work():\n"
        "    put('child', 100)\n"
        "    say('queued')\n"
        "    time.sleep(60)\n"
        "analytics.drain_on_sigterm()\n"
        "put('parent', 5)\n"
        "child = multiprocessing.get_context('fork').Process(target=work)\n"
        "child.start()\n"
        "hear('end')\n"
        "child.terminate()\n"
        "child.join(30)\n"
        "say(child.exitcode)\n",
        target.host,
        flags=("-W", "error", "-W", "ignore::DeprecationWarning"),
    )
    program.hear("queued")
    program.say("end")
    program.hear(str(TERM))
    assert 0 == program.ended(), program.errors
    assert expected("child", 100) + expected("parent", 5) == target.events


def test_case_14_elsewhere_than_on_the_main_thread_it_is_refused(run, collector):
    """Python has signal handlers for the main thread only: `ValueError`."""
    program = run(
        "def install():\n"
        "    try:\n"
        "        analytics.drain_on_sigterm()\n"
        "    except ValueError as error:\n"
        "        say('refused')\n"
        "thread = threading.Thread(target=install)\n"
        "thread.start()\n"
        "thread.join()\n"
        "say(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)\n",
        collector().host,
    )
    program.hear("refused")
    program.hear("True")
    assert 0 == program.ended()
