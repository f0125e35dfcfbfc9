"""Messages that are only reported: looked at by delivery, once, and never held up."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time

import pytest
from plan_bench import (
    BAD_TYPE,
    DOCUMENT,
    GOOD,
    MISSING,
    SECRET,
    Scripted,
    found,
    plan,
    protocols,
)

from segment_integrations import Analytics
from segment_integrations.core.message import BATCH_MAX_BYTES, EVENT_MAX_BYTES
from segment_integrations.delivery.batch import BODIES_MAX_BYTES
from segment_integrations.dev.server import running
from segment_integrations.plan.tracking import TrackingPlan

KEY = "a-key"


class Counting(TrackingPlan):
    """A plan that notes which threads have asked it, and about how many messages."""

    def __init__(self, *given, **options):
        super().__init__(*given, **options)
        self.threads = []

    def check(self, message):
        self.threads.append(threading.current_thread().name)
        return super().check(message)


class Broken(TrackingPlan):
    """A plan whose check fails."""

    def check(self, message):
        raise RuntimeError(message["properties"])


@pytest.fixture
def make(tmp_path):
    """Make an `Analytics` over a transport with a script, closed with the test."""
    made = []

    def start(*script, **settings):
        transport = Scripted(*script)
        settings = {"plan": plan(), "flush_interval": 0.01, **settings}
        made.append(Analytics(KEY, transport=transport, **settings))
        return made[-1], transport

    yield start
    for one in made:
        one.close(0)


def order(analytics, properties, **options):
    return analytics.track("Order Completed", properties, user_id="u1", **options)


def eventually(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        threading.Event().wait(0.005)


pytestmark = pytest.mark.segment_live


def test_report_looks_on_deliverys_thread(make):
    """The call looks at nothing; what arrives carries its violations."""
    counting = Counting(plan().rules)
    analytics, transport = make(plan=counting)
    assert order(analytics, BAD_TYPE)
    assert order(analytics, GOOD)
    assert analytics.flush(10)
    assert ["segment-integrations"] * 2 == counting.threads
    first, second = transport.messages
    assert BAD_TYPE == first["properties"]
    assert [("Invalid Type", "properties.revenue")] == found(first)
    assert None is protocols(second)
    assert {"Order Completed: Invalid Type": 1} == analytics.stats().violations
    assert (2, 0) == (analytics.stats().delivered, analytics.stats().pending_bytes)


@pytest.mark.parametrize("status", [503, 429, 400])
def test_a_message_is_looked_at_once(make, status):
    """Neither a retry nor the halves of a split are looked at again."""
    counting = Counting(plan().rules)
    # A long interval: a message that is alone in its batch has no halves.
    analytics, transport = make(status, plan=counting, flush_interval=600)
    for _ in range(3):
        order(analytics, BAD_TYPE)
    analytics.flush(10)
    eventually(lambda: 3 == analytics.stats().delivered)
    assert len(transport.batches) > 1
    assert 3 == len(counting.threads)
    assert {"Order Completed: Invalid Type": 3} == analytics.stats().violations
    for batch in transport.batches:
        assert [[("Invalid Type", "properties.revenue")]] * len(batch.bodies) == [
            found(json.loads(body)) for body in batch.bodies
        ]


@pytest.mark.parametrize(
    "mode", ["omit", "omit_unplanned", "block", "block_unplanned", "forward"]
)
def test_other_modes_look_in_the_call(make, mode):
    """A mode that does more than report looks in the call, and delivery not again."""
    counting = Counting(plan().rules)
    analytics, _ = make(plan=counting, plan_mode=mode)
    order(analytics, BAD_TYPE)
    assert analytics.flush(10)
    assert [threading.current_thread().name] == counting.threads


def test_each_call_has_its_mode(make):
    """Of one batch delivery looks at those calls alone that are only reported."""
    counting = Counting(plan().rules)
    analytics, transport = make(
        plan=counting, plan_mode={"track": "omit", "page": "off"}
    )
    order(analytics, BAD_TYPE)
    analytics.identify("u1", {"plan": "gold"})
    analytics.page("Home", user_id="u1")
    assert analytics.flush(10)
    here = threading.current_thread().name
    assert [here, "segment-integrations"] == counting.threads
    assert [1, 1, 0] == [len(found(one)) for one in transport.messages]


def test_forwarded_events_go_the_same_way(make):
    """Violations sent as events are delivered, and are not looked at themselves."""
    analytics, transport = make(plan_mode={"identify": "forward"})
    analytics.identify("u1", {"plan": "gold"})
    assert analytics.flush(10)
    assert ["identify", "track"] == [one["type"] for one in transport.messages]
    assert "Violation Generated" == transport.messages[1]["event"]
    assert None is protocols(transport.messages[1])
    assert {"identify: Enum": 1} == analytics.stats().violations
    assert 2 == analytics.stats().delivered


def test_batches_that_grow_stay_within_the_limits(make):
    """Stamps may split a full batch, and make no request or event too large."""
    analytics, transport = make(flush_interval=600.0, flush_at=2500)
    order(analytics, {**BAD_TYPE, "order_id": ""})
    assert analytics.flush(10)
    (probe,) = transport.messages
    del probe["context"]["protocols"]
    spare = EVENT_MAX_BYTES - len(json.dumps(probe, separators=(",", ":")))
    pad = {"order_id": 1, "x": "x" * 200}
    for _ in range(2500):
        assert order(analytics, pad)
    assert order(analytics, {**BAD_TYPE, "order_id": "y" * spare})
    assert analytics.flush(30)
    sizes = [
        sum(map(len, batch.bodies)) + len(batch.bodies) for batch in transport.batches
    ]
    assert max(sizes) <= BODIES_MAX_BYTES < BATCH_MAX_BYTES
    assert EVENT_MAX_BYTES >= max(
        len(body) for batch in transport.batches for body in batch.bodies
    )
    assert 2502 == len(transport.messages) == analytics.stats().delivered
    assert all(found(one) for one in transport.messages[:-1])
    assert None is protocols(transport.messages[-1])
    assert 0 == analytics.stats().pending_bytes


def test_the_budget_has_what_a_message_has_become(make):
    """While a batch waits, its stamps count in the queue's bytes, and then no more."""
    analytics, transport = make(503, 401, plan_mode="report")
    order(analytics, BAD_TYPE)
    eventually(lambda: 2 == len(transport.batches) and not analytics.health().ok)
    sent = sum(map(len, transport.batches[0].bodies))
    assert sent == analytics.stats().pending_bytes


def test_a_check_that_fails_costs_nothing(make, caplog):
    """A fault of ours is logged, and the batch goes as it is."""
    analytics, transport = make(plan=Broken(plan().rules))
    order(analytics, BAD_TYPE)
    assert analytics.flush(10)
    assert BAD_TYPE == transport.messages[0]["properties"]
    assert any("the tracking plan failed" in line for line in caplog.messages)
    assert SECRET not in caplog.text


def test_the_hook_runs_on_deliverys_thread(make, caplog):
    """It gets what was found and the message as it was sent; its faults are logged."""
    calls = []

    def hook(violations, message):
        calls.append((threading.current_thread().name, violations, message))
        raise RuntimeError(message["properties"])

    analytics, transport = make(on_violation=hook)
    for _ in range(50):
        order(analytics, MISSING)
    assert analytics.flush(10)
    eventually(lambda: 50 == len(calls))
    thread, violations, message = calls[0]
    assert "segment-integrations" == thread
    assert [("Required", "properties.order_id")] == [
        (one.type, one.field) for one in violations
    ]
    assert transport.messages[0] == message
    eventually(lambda: "on_violation failed with RuntimeError" in caplog.text)
    assert SECRET not in caplog.text


def test_a_hook_that_breaks_the_plan_itself_ends(make):
    """A hook that tracks what breaks the plan holds up neither delivery nor close."""
    analytics, transport = make()
    analytics.close(0)

    def hook(violations, message):
        order(second, BAD_TYPE)

    second, transport = make(on_violation=hook)
    order(second, BAD_TYPE)
    eventually(lambda: len(transport.messages) > 3)
    second.close(5)
    assert second.stats().violations["Order Completed: Invalid Type"] > 3


def test_what_another_process_left_is_looked_at(tmp_path, make):
    """Adopted messages are held up to the plan, and only reported, once."""
    program = """
import sys
from segment_integrations import Analytics
analytics = Analytics(
    "a-key", host="http://127.0.0.1:9", spool="always", spool_dir=sys.argv[1]
)
for number in range(3):
    analytics.track("Order Completed", {"revenue": "x"}, user_id="u1")
analytics.close(0)
"""
    folder = str(tmp_path / "spool")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "SEGMENT", "_SEGMENT"))
    }
    ended = subprocess.run(
        [sys.executable, "-c", program, folder],
        env=kept,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == ended.returncode, ended.stderr
    counting = Counting(plan().rules)
    analytics, transport = make(
        503, plan=counting, plan_mode="block", spool="overflow", spool_dir=folder
    )
    order(analytics, GOOD)
    eventually(lambda: 4 == analytics.stats().delivered)
    assert 4 == len(counting.threads)
    adopted = [one for one in transport.messages if protocols(one)]
    assert len(adopted) >= 3
    assert {
        ("Required", "properties.order_id"),
        ("Invalid Type", "properties.revenue"),
    } == {pair for one in adopted for pair in found(one)}
    assert {} == analytics.stats().dropped


def test_what_was_looked_at_is_not_looked_at_by_the_next(tmp_path, make):
    """A message that says what is wrong with it is left as it is by who adopts it."""
    folder = tmp_path / "spool"
    settings = {"spool": "overflow", "spool_dir": folder, "flush_interval": 0.01}
    first, transport = make(*[503] * 100, **settings)
    order(first, BAD_TYPE)
    eventually(lambda: transport.batches)
    assert 1 == first.close(0)
    counting = Counting(plan().rules)
    second, transport = make(plan=counting, **settings)
    order(second, GOOD)
    eventually(lambda: 2 == second.stats().delivered)
    assert [1, 0] == sorted(
        (len(found(one)) for one in transport.messages), reverse=True
    )
    assert {} == second.stats().violations
    assert 1 == len(counting.threads)


def test_a_custom_transport_is_our_delivery_and_close_looks_too(make):
    """What is left for the end is looked at before it is sent."""
    analytics, transport = make(flush_interval=600.0)
    order(analytics, BAD_TYPE)
    assert 0 == analytics.close(10)
    assert [("Invalid Type", "properties.revenue")] == found(transport.messages[0])


def test_strict_looks_in_the_call_alone(make):
    """What a strict call has let through is not looked at again."""
    counting = Counting(plan().rules)
    analytics, _ = make(plan=counting, strict=True)
    order(analytics, GOOD)
    assert analytics.flush(10)
    assert [threading.current_thread().name] == counting.threads


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_figures_of_its_own(make):
    """The parent's violations are not the child's, and its hook still runs."""
    analytics, _ = make(plan_mode="omit")
    order(analytics, BAD_TYPE)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            before = analytics.stats().violations
            order(analytics, MISSING)
            after = analytics.stats().violations
            os.write(writing, json.dumps([before, after]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    assert [{}, {"Order Completed: Required": 1}] == json.loads(told)
    assert {"Order Completed: Invalid Type": 1} == analytics.stats().violations


@pytest.mark.parametrize(
    ("mode", "events"),
    [
        ("report", ["Order Completed", "Order Lost"]),
        ("omit", ["Order Completed", "Order Lost"]),
        ("omit_unplanned", ["Order Completed", "Order Lost"]),
        ("block", ["Order Lost"]),
        ("block_unplanned", ["Order Completed"]),
        (
            "forward",
            [
                "Order Completed",
                "Violation Generated",
                "Violation Generated",
                "Order Lost",
                "Violation Generated",
            ],
        ),
        ("off", ["Order Completed", "Order Lost"]),
    ],
)
def test_every_mode_arrives_over_http(mode, events, tmp_path):
    """From a plan in a file to what a collector on this machine has received."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(DOCUMENT))
    with running() as collector:
        analytics = Analytics(KEY, host=collector.url, plan=path, plan_mode=mode)
        order(analytics, {**BAD_TYPE, "color": 1})
        analytics.track("Order Lost", user_id="u1")
        assert 0 == analytics.close(10)
        messages = collector.messages()
    assert events == [one["event"] for one in messages]
    expected = {
        "report": {**BAD_TYPE, "color": 1},
        "omit": {"order_id": "o1"},
        "omit_unplanned": BAD_TYPE,
        "off": {**BAD_TYPE, "color": 1},
    }
    if mode in expected:
        assert expected[mode] == messages[0]["properties"]
    assert ("off" != mode) == bool(found(messages[0]))
