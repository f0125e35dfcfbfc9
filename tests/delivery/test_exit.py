"""Cases 13 and 15: how a process that has messages queued ends."""

import signal

import pytest
from process_programs import Program, expected

SHORT = """
import segment_integrations.delivery.exit as process_exit
process_exit.EXIT_DRAIN_S = 0.3
"""
LONG = SHORT.replace("0.3", "600")


@pytest.fixture
def run(tmp_path):
    """Start programs; they are gone when the test is."""
    started = []

    def start(script, host, **options):
        started.append(Program(tmp_path, script, host, **options))
        return started[-1]

    yield start
    for program in started:
        program.end()


def lost(program):
    """What its log says of messages that were not sent."""
    lines = [line.split(" (")[0] for line in program.errors.splitlines()]
    return sorted(line for line in lines if "not sent" in line)


def test_case_13_an_exit_sends_everything(run, collector):
    """5,000 messages and a plain end of the script: all arrive, in order."""
    target = collector()
    program = run("put('e', 5000)", target.host)
    assert 0 == program.ended()
    assert "" == program.errors
    assert expected("e", 5_000) == target.events


ENDS = {
    "sys.exit(3)": 3,
    "sys.exit(0)": 0,
    "sys.exit('a text')": 1,
    "raise KeyError": 1,
    "raise KeyboardInterrupt": -signal.SIGINT,
    "os.kill(os.getpid(), signal.SIGINT)": -signal.SIGINT,
    "analytics.flush(30)\nos._exit(6)": 6,
}


@pytest.mark.parametrize("end", ENDS)
def test_case_13_the_exit_code_stays(run, collector, end):
    """However the script ends, its messages arrive and its exit code is its own."""
    target = collector()
    program = run(f"put('e', 10)\n{end}\n", target.host)
    assert ENDS[end] == program.ended()
    assert expected("e", 10) == target.events


def test_case_13_an_exit_in_a_thread_ends_that_thread(run, collector):
    """`sys.exit` elsewhere than in the main thread loses nothing and ends nothing."""
    target = collector()
    program = run(
        "def work():\n"
        "    put('thread', 10)\n"
        "    sys.exit(5)\n"
        "thread = threading.Thread(target=work)\n"
        "thread.start()\n"
        "thread.join()\n"
        "put('main', 10)\n",
        target.host,
    )
    assert 0 == program.ended()
    assert expected("thread", 10) + expected("main", 10) == target.events


def test_case_13_a_thread_that_goes_on_is_waited_for(run, collector):
    """What a thread tracks that outlives the main one arrives as well."""
    target = collector()
    program = run(
        "def work():\n"
        "    threading.main_thread().join()\n"
        "    put('thread', 10)\n"
        "put('main', 10)\n"
        "threading.Thread(target=work).start()\n",
        target.host,
    )
    assert 0 == program.ended()
    assert expected("main", 10) + expected("thread", 10) == target.events


def test_case_13_os_exit_loses_the_queue(run, collector):
    """`os._exit` runs no hook at all: what is queued is lost, as documented."""
    target = collector()
    program = run("put('e', 10)\nos._exit(6)\n", target.host)
    assert 6 == program.ended()
    assert [] == target.events


def test_case_13_what_is_left_is_counted_once(run, collector):
    """A collector that hangs costs the deadline once; the rest is one log line."""
    target = collector(default="hang")
    program = run(
        SHORT + "other = make()\nput('e', 7)\nput('o', 5, other)\n", target.host
    )
    assert 0 == program.ended()
    assert [f"{n} message(s) not sent: exit" for n in (5, 7)] == lost(program)


def test_case_13_what_is_left_waits_in_the_spool(run, collector, tmp_path):
    """With ``spool="overflow"`` an exit in vain leaves all to the next process."""
    settings = f"spool='overflow', spool_dir={str(tmp_path / 'spool')!r}"
    program = run(
        SHORT + "put('e', 5000)\n", collector(default="hang").host, settings=settings
    )
    assert 0 == program.ended()
    assert [] == lost(program)
    target = collector()
    following = run(
        "put('f', 10)\nassert analytics.flush(30)\n", target.host, settings=settings
    )
    assert 0 == following.ended(), following.errors
    assert expected("e", 5_000) == [one for one in target.events if one[0] == "e"]
    assert expected("f", 10) == [one for one in target.events if one[0] == "f"]


def test_case_15_a_drain_is_not_repeated_at_the_exit(run, collector):
    """What a drain tried in vain is not waited for again unless more was put."""
    program = run(
        LONG + "put('e', 7)\nassert not analytics.drain(0.2)\n",
        collector(default="hang").host,
    )
    assert 0 == program.ended()
    assert ["7 message(s) not sent: exit"] == lost(program)


def test_a_process_that_sent_all_ends_without_a_wait(run, collector):
    """With nothing pending, the end of the process has nothing to wait for."""
    target = collector()
    program = run(LONG + "put('e', 3)\nassert analytics.flush(30)\n", target.host)
    assert 0 == program.ended()
    assert "" == program.errors


def test_case_13_a_call_in_an_exit_handler_arrives(run, collector):
    """The first message tracked while the interpreter ends needs no new thread."""
    target = collector()
    program = run("import atexit\natexit.register(lambda: put('e', 3))\n", target.host)
    assert 0 == program.ended()
    assert "" == program.errors
    assert expected("e", 3) == target.events


def test_case_13_the_first_client_of_an_exit_handler_delivers(run, collector):
    """A client made while the interpreter ends sends what it is given, and closes."""
    target = collector()
    program = run(
        "import atexit\n"
        "def last():\n"
        "    with make() as client:\n"
        "        put('e', 3, client)\n"
        "atexit.register(last)\n",
        target.host,
    )
    assert 0 == program.ended()
    assert "" == program.errors
    assert expected("e", 3) == target.events


@pytest.mark.parametrize("number", range(3))
def test_case_13_ctrl_c_keeps_what_was_told(run, collector, tmp_path, number):
    """SIGINT in a loop that only tracks: each id that was given out has arrived."""
    target = collector()
    program = run(
        "out = os.open('reported.txt', os.O_WRONLY | os.O_CREAT)\n"
        "say('busy')\n"
        "while True:\n"
        "    os.write(out, (analytics.track('e', user_id='u') + '\\n').encode())\n",
        target.host,
        settings="flush_at=5",
        measured=False,
    )
    program.hear("busy")
    reported = tmp_path / "reported.txt"
    while reported.stat().st_size < 1_000 * (number + 1):
        assert program.process.poll() is None, program.errors
    program.send(signal.SIGINT)
    assert -signal.SIGINT == program.ended()
    ids = [
        message["messageId"]
        for request in target.requests
        for message in request.document["batch"]
    ]
    assert len(ids) == len(set(ids))
    assert set() == set(reported.read_text().split()) - set(ids)


def test_the_working_directory_and_standard_streams_may_be_gone(run, collector):
    """A daemon closes its files and changes its directory: what is queued arrives."""
    target = collector()
    program = run(
        "put('e', 10)\n"
        "os.chdir('/')\n"
        "for stream in (sys.stdin, sys.stdout, sys.stderr):\n"
        "    os.close(stream.fileno())\n"
        "os._exit(0 if analytics.close(30) == 0 else 1)\n",
        target.host,
    )
    assert 0 == program.ended()
    assert expected("e", 10) == target.events
