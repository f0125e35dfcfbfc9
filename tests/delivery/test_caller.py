"""What a call costs whoever makes it: no wait, no exception, no neighbour."""

import json
import socket

import pytest
from process_odd_values import ANY, ODD
from process_programs import Program, expected

CALLS = 20_000


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


FLOOD = f"""
properties = {{"pad": "x" * 700}}
ids = {{analytics.track(f"e-{{n}}", properties, user_id="u") for n in range({CALLS})}}
assert len(ids) == {CALLS} and None not in ids
say("called")
"""


def test_case_01_no_call_waits_for_a_collector_that_hangs(run, collector, eventually):
    """20,000 calls of 1 KB return while the first request still has no answer."""
    target = collector("hang")
    program = run(
        f"put('first', 1)\nhear('go')\n{FLOOD}\nhear('end')\n"
        "assert analytics.flush(30), analytics.stats()\n",
        target.host,
        settings="flush_interval=0.01, timeout=60",
    )
    eventually(lambda: target.requests)
    program.say("go")
    program.hear("called")
    assert ["first-0"] == target.events
    assert not target.released.is_set()
    target.released.set()
    program.say("end")
    assert 0 == program.ended(), program.errors
    wanted = ["first-0", "first-0", *expected("e", CALLS)]  # tried twice
    assert wanted == target.events


def test_case_01_no_call_waits_for_a_collector_that_is_up(run, collector):
    """20,000 calls of 1 KB while requests are made: all arrive, in order."""
    target = collector()
    program = run(FLOOD, target.host, settings="flush_interval=0.01")
    assert 0 == program.ended(), program.errors
    assert expected("e", CALLS) == target.events
    assert "" == program.errors


def test_case_01_no_call_waits_for_a_collector_that_is_down(run):
    """20,000 calls of 1 KB while connections are refused: all accepted, and counted."""
    with socket.socket() as refusing:  # bound, and nobody listens
        refusing.bind(("127.0.0.1", 0))
        program = run(
            f"{FLOOD}\nsay(analytics.flush(0.1), analytics.close(0))",
            f"http://127.0.0.1:{refusing.getsockname()[1]}",
            settings="flush_interval=0.01",
        )
        program.hear("called")
        program.hear(f"False {CALLS}")
        assert 0 == program.ended()


# -- what is odd --------------------------------------------------------------------

WRONG = """
from process_odd_values import ODD, Hostile
for name, (value, _) in ODD.items():
    assert analytics.track("Before", {"of": name}, user_id="u")
    assert analytics.track("Odd", {"of": name, "odd": value, "after": 1}, user_id="u")
    assert analytics.track("After", {"of": name}, user_id="u")
for call in (
    lambda: analytics.track("Nobody"),
    lambda: analytics.track(None, user_id="u"),
    lambda: analytics.track(7, user_id="u"),
    lambda: analytics.track("", user_id="u"),
    lambda: analytics.track(Hostile(), user_id="u"),
    lambda: analytics.track("Event", "no mapping", user_id="u"),
    lambda: analytics.track("Event", Hostile(), user_id="u"),
    lambda: analytics.track("Event", {Hostile: 1}, user_id=Hostile()),
    lambda: analytics.track("Event", user_id="u", timestamp="yesterday"),
    lambda: analytics.track("Event", user_id="u", context=7),
    lambda: analytics.track("Event", user_id="u", message_id=Hostile()),
    lambda: analytics.identify(user_id=[]),
    lambda: analytics.identify("u", Hostile()),
    lambda: analytics.group(None),
    lambda: analytics.alias(None),
    lambda: analytics.page(Hostile(), user_id="u"),
):
    result = call()
    assert result is None or isinstance(result, str), result
assert analytics.track("Last", user_id="u")
assert analytics.close(30) == 0
for n in range(3):
    assert analytics.track("Stopped", user_id="u") is None
assert analytics.flush(1) and analytics.close(1) == 0
"""


def refuse(name):
    raise ValueError(name)


@pytest.fixture
def odd(run, collector):
    """What arrives of a program that tracks everything odd, strictly read."""
    target = collector()
    program = run(WRONG, target.host)
    assert 0 == program.ended(), program.errors
    messages = []
    for request in target.requests:
        text = request.body.decode()  # strict UTF-8
        document = json.loads(text, parse_constant=refuse)
        json.dumps(document, ensure_ascii=False).encode()  # no lone surrogate
        messages += document["batch"]
    return program, messages


def test_case_02_and_03_an_odd_value_costs_at_most_itself(odd):
    """Each of the 28 arrives as documented between its neighbours; nothing raises."""
    program, messages = odd
    found = iter(messages)
    for name, (_, wanted) in ODD.items():
        before, odd_one, after = (next(found) for _ in range(3))
        assert ["Before", "Odd", "After"] == [
            message["event"] for message in (before, odd_one, after)
        ]
        assert {"of": name} == before["properties"] == after["properties"]
        assert (name, 1) == (
            odd_one["properties"]["of"],
            odd_one["properties"]["after"],
        )
        if wanted is not ANY:
            assert wanted == odd_one["properties"]["odd"], name
        else:
            assert "odd" in odd_one["properties"], name
    events = [message.get("event") for message in messages]
    assert 1 == events.count("Last")
    assert "Stopped" not in events
    assert "Traceback" not in program.errors
    assert "ada@example.com" not in program.errors


# -- waits --------------------------------------------------------------------------


def test_case_15_flush_and_close_end_while_the_collector_hangs(run, collector):
    """Both end and say that something is left, and so does the process."""
    target = collector(default="hang")
    program = run(
        "put('e', 5)\n"
        "say(analytics.flush(0.2), analytics.stats().pending_events)\n"
        "say(analytics.close(0.2), analytics.stats().dropped)\n",
        target.host,
    )
    program.hear("False 5")
    program.hear("5 {'closed': 5}")
    assert 0 == program.ended(), program.errors


ASYNCIO = """
import asyncio as loop_library
async def main():
    ticking = loop_library.create_task(tick())
    await work()
    ticking.cancel()
loop_library.run(main())
"""
TRIO = """
import trio as loop_library
async def main():
    async with loop_library.open_nursery() as nursery:
        nursery.start_soon(tick)
        await work()
        nursery.cancel_scope.cancel()
loop_library.run(main)
"""
TICKS = """
ticks = 0
async def tick():
    global ticks
    while True:
        ticks += 1
        await loop_library.sleep(0.01)

async def ticks_during(wait):
    before = ticks
    result = await wait
    return result, ticks - before >= 10

async def work():
    put("e", 5)
    say(await ticks_during(analytics.aflush(1)))
    say(await ticks_during(analytics.aclose(1)))
"""


@pytest.mark.parametrize("loop", [ASYNCIO, TRIO], ids=["asyncio", "trio"])
def test_case_15_the_async_forms_do_not_block_the_loop(run, collector, loop):
    """A task goes on ticking while `aflush` and `aclose` wait for a hanging answer."""
    program = run(TICKS + loop, collector(default="hang").host)
    program.hear("(False, True)")
    program.hear("(5, True)")
    assert 0 == program.ended(), program.errors


def test_case_15_the_async_forms_deliver(run, collector):
    """With a collector that answers, `aflush` and `aclose` say that all has arrived."""
    target = collector()
    program = run(
        "import asyncio\n"
        "async def main():\n"
        "    put('e', 5)\n"
        "    say(await analytics.aflush(30))\n"
        "    put('f', 5)\n"
        "    say(await analytics.aclose(30))\n"
        "asyncio.run(main())\n",
        target.host,
    )
    program.hear("True")
    program.hear("0")
    assert 0 == program.ended(), program.errors
    assert expected("e", 5) + expected("f", 5) == target.events
