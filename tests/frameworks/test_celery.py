"""Celery, in this process: what travels with a task, and what is put back after it."""

import contextvars
import logging
import uuid
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from asgi_visits import Recorder
from celery import Celery, chain, chord, group, signals
from celery.beat import ScheduleEntry, Scheduler
from celery.contrib.testing.worker import start_worker
from celery.schedules import schedule
from celery_served import add_tasks

from segment_integrations import Analytics, bind, current, reset, set_user, track
from segment_integrations.celery import HEADER, install
from segment_integrations.errors import ConfigurationError
from segment_integrations.ports import RequestInfo

WAIT_S = 30
KNOWN = '{"version":1,"userId":"u1","anonymousId":"visitor-1","groupId":"acme"}'


def installed(analytics):
    """An app whose broker and results are in memory."""
    made = Celery("tests", broker="memory://", set_as_current=False)
    made.conf.update(
        task_default_queue=uuid.uuid4().hex,  # the memory is the whole process's
        result_backend="cache+memory://",
        broker_connection_retry_on_startup=True,  # 5.3 warns where this is left open
        broker_transport_options={"polling_interval": 0.01},
    )
    install(add_tasks(made), analytics)
    return made


@pytest.fixture(name="app")
def _app(analytics):
    """An app without a worker."""
    with installed(analytics) as made:
        yield made


@pytest.fixture(scope="module", name="sent")
def _sent():
    """What both workers share, as Celery has one table of tasks in a process."""
    recorder = Recorder()
    with Analytics("k", sink=recorder) as analytics:
        yield SimpleNamespace(analytics=analytics, recorder=recorder)


@contextmanager
def working(sent, pool):
    """An app with a worker in a thread, which takes seconds to end."""
    with (
        installed(sent.analytics) as app,
        start_worker(app, pool=pool, concurrency=1, perform_ping_check=False),
    ):
        yield SimpleNamespace(app=app, **vars(sent))


@pytest.fixture(scope="module")
def solo(sent):
    with working(sent, "solo") as served:
        yield served


@pytest.fixture(scope="module")
def threads(sent):
    with working(sent, "threads") as served:
        yield served


@pytest.fixture(name="served", params=["solo", "threads"])
def _served(request):
    """An app with a worker, of each pool that needs no process."""
    served = request.getfixturevalue(request.param)
    served.recorder.clear()
    return served


@pytest.fixture(name="published")
def _published():
    """The headers of what is sent, as they leave for the broker."""
    found = []

    def keep(headers, **_):
        found.append(headers)

    signals.after_task_publish.connect(keep, weak=False)
    yield found
    signals.after_task_publish.disconnect(keep)


def done(result):
    """Wait until the task has run."""
    return result.get(WAIT_S, interval=0.02)


def visiting(analytics, **headers):
    """A request of a visitor."""
    info = RequestInfo(
        path="/checkout",
        client="203.0.113.7",
        headers={
            "host": "shop.example",
            "user-agent": "Firefox",
            "cookie": "ajs_anonymous_id=visitor-1",
            **headers,
        },
    )
    return analytics.request(info)


def users(recorder):
    return {one["event"]: one.get("userId") for one in recorder.tracks}


# -- CE-1: from the request to the worker --------------------------------------------


def test_ce_1_the_request_s_ids_are_the_task_s(served):
    """A task's event is the user's, and has nothing else of the request."""
    with visiting(served.analytics):
        set_user("u1", group_id="acme", traits={"email": "ada@shop.example"})
        result = served.app.tasks["work"].delay("Worked")
    done(result)

    (event,) = served.recorder.tracks
    assert ("u1", "visitor-1") == (event["userId"], event["anonymousId"])
    assert {"library": event["context"]["library"], "groupId": "acme"} == (
        event["context"]
    )


def test_ce_1_what_travels_is_small(app, analytics, published):
    """The message has the ids in both places, and no traits, address or page."""
    with visiting(analytics):
        set_user("u1", group_id="acme", traits={"email": "ada@shop.example"})
        app.tasks["work"].delay("Worked")

    (headers,) = published
    assert KNOWN == headers[HEADER] == headers["headers"][HEADER]
    assert not [one for one in ("ada@", "203.0", "checkout") if one in str(headers)]


def test_ce_1_a_chain_a_group_and_a_chord_are_the_user_s(served):
    """What a worker sends on is about whom its task is about."""
    work = served.app.tasks["work"]
    with visiting(served.analytics):
        set_user("u1")
        results = [
            chain(work.si("First"), work.si("Second")).delay(),
            group(work.si("Left"), work.si("Right")).delay(),
            chord([work.si("Up"), work.si("Down")], work.si("Both")).delay(),
        ]
    for one in results:
        done(one)

    names = {"First", "Second", "Left", "Right", "Up", "Down", "Both"}
    assert dict.fromkeys(names, "u1") == users(served.recorder)


def test_no_consent_no_identity(app, published):
    """The worker can't ask the visitor, so that a refusal stops the ids here."""
    with Analytics("k", consent=lambda _: False) as analytics, visiting(analytics):
        set_user("u1")
        app.tasks["work"].delay("Worked")

    assert HEADER not in published[0]


# -- CE-2: eager ------------------------------------------------------------


def test_ce_2_eager_tasks_leave_the_request_as_it_was(app, analytics, recorder):
    """A task that runs inside the request has its identity, and gives it back."""
    app.conf.task_always_eager = True
    with visiting(analytics) as context:
        set_user("u1")
        app.tasks["work"].delay("Before")
        app.tasks["signing_in"].delay("Signing In")
        assert current() is context
        track("After")

    assert current() is None
    assert {
        "Before": "u1",
        "Signing In": "by-task",
        "Signing In below": "by-task",
        "After": "u1",
    } == users(recorder)
    assert {"visitor-1"} == {one["anonymousId"] for one in recorder.tracks}
    assert {"/checkout"} == {one["context"]["page"]["path"] for one in recorder.tracks}


@pytest.mark.parametrize("name", ["failing", "again"])
def test_ce_2_eager_tasks_that_fail_or_try_again(app, analytics, recorder, name):
    """The identity is put back whatever comes of the task."""
    app.conf.task_always_eager = True
    with visiting(analytics) as context:
        set_user("u1")
        app.tasks[name].delay("Tried")
        assert current() is context

    assert {"Tried": "u1"} == users(recorder)
    assert {"failing": 1, "again": 3}[name] == len(recorder.tracks)


def test_ce_2_begun_and_ended_in_different_contexts(app, caplog):
    """What was bound before is put back by value: no token can be a wrong one."""
    task = app.tasks["work"]
    task.push_request(id="1")
    seen = {"sender": task, "task": task, "task_id": "1", "args": (), "kwargs": {}}
    with bind(user_id="u1") as outer:
        contextvars.copy_context().run(lambda: signals.task_prerun.send(**seen))
        for _ in range(2):
            signals.task_postrun.send(**seen, retval=None, state="SUCCESS")
            assert current() is outer
    task.pop_request()

    assert [] == [one for one in caplog.records if one.levelno >= logging.WARNING]


# -- CE-3: nobody's tasks ------------------------------------------------------------


def test_ce_3_a_task_from_beat_is_nobody_s(served):
    """After a user's task on the same worker, beat's has no one's identity."""
    dropped = served.analytics.stats().dropped.get("no_identity", 0)
    with visiting(served.analytics):
        set_user("u1")
        result = served.app.tasks["work"].delay("By user")
    done(result)
    entry = ScheduleEntry("tick", "work", schedule=schedule(1), args=("By beat",))
    done(Scheduler(served.app, lazy=True).apply_async(entry, advance=False))

    assert {"By user": "u1"} == users(served.recorder)
    assert dropped + 1 == served.analytics.stats().dropped["no_identity"]


def test_ce_3_a_task_that_signs_in_does_so_for_itself(served):
    """What a task learns of the user is over when it ends, but for what it sends."""
    tasks = served.app.tasks
    done(tasks["signing_in"].delay("Signing In"))
    done(tasks["work"].delay("Nobody's"))
    with bind(user_id="u2"):
        result = tasks["work"].delay("Later")
    done(result)

    by_task = dict.fromkeys(["Signing In", "Signing In below"], "by-task")
    assert {**by_task, "Later": "u2"} == users(served.recorder)


# -- CE-4: headers ------------------------------------------------------------


def test_ce_4_the_callers_own_headers_survive(served):
    """A task sees the headers that it was sent with, beside ours."""
    task = served.app.tasks["headers"]
    nested = {"headers": {"own": "inner"}, "outer": 1}
    with bind(user_id="u1"):
        done(task.apply_async(("Own",), headers={"own": "outer"}))
        done(task.apply_async(("Nested",), headers=nested))

    kept = {one["event"]: one["properties"] for one in served.recorder.tracks}
    ours = {"headers": sorted([HEADER, "own"])}
    assert {**ours, "own": "outer"} == kept["Own"]
    assert {**ours, "own": "inner"} == kept["Nested"]
    assert {"headers": {"own": "inner"}, "outer": 1} == nested


def test_ce_4_a_retry_keeps_the_identity(served):
    """Each attempt is about the same user."""
    with bind(user_id="u1"):
        result = served.app.tasks["again"].delay("Again")
    done(result)

    tracks = served.recorder.tracks
    assert ["u1"] * 3 == [one["userId"] for one in tracks]
    assert [0, 1, 2] == [one["properties"]["attempt"] for one in tracks]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "u1",
        '"u1"',
        "[]",
        "{}",
        '{"version":2,"userId":"u1"}',
        '{"version":1,"userId":{"a":1}}',
        '{"version":1,"userId":"' + "u" * 5_000 + '"}',
        '{"version":1,"userId":"\ud800"}',
        "[" * 2_000,
        1,
        {"version": 1, "userId": "u1"},
    ],
    ids=str,
)
def test_ce_4_a_header_that_is_not_ours_is_ignored(app, recorder, caplog, header):
    """The task runs, as nobody's, and nothing is said about the header."""
    app.tasks["work"].apply(("Ignored",), headers={HEADER: header}, throw=True)
    assert [] == recorder.tracks
    assert [] == [one for one in caplog.records if "failed with" in one.getMessage()]

    app.tasks["work"].apply(("Taken",), headers={HEADER: KNOWN}, throw=True)
    assert {"Taken": "u1"} == users(recorder)


def test_ce_4_an_oversized_identity_is_not_sent(app, published):
    """Ids that no header should hold stay behind; the message goes out."""
    with bind(user_id="u" * 5_000):
        app.tasks["work"].delay("Worked")

    assert HEADER not in published[0]


def test_ce_4_after_a_reset_nothing_of_the_user_travels(app, published):
    """A retry after `reset` does not bring back who was forgotten."""
    inherited = {HEADER: KNOWN, "headers": {HEADER: KNOWN, "own": "mine"}}
    with bind(user_id="u1"):
        reset()
        app.tasks["work"].apply_async(("Worked",), headers=inherited)

    assert HEADER not in published[0]
    assert {"own": "mine"} == published[0]["headers"]


def test_a_task_may_opt_out(served, published):
    """Nobody's identity travels with it, or is taken from a sender that knew less."""
    task, recorder = served.app.tasks["private"], served.recorder
    with bind(user_id="u1"):
        done(task.delay("Sent"))
        assert HEADER not in published[0]
        task.apply(("Eager",), headers={HEADER: KNOWN}, throw=True)
    task.apply(("Received",), headers={HEADER: KNOWN}, throw=True)

    assert dict.fromkeys(["Sent", "Eager", "Received"]) == users(recorder)
    assert {"nobody"} == {one["anonymousId"] for one in recorder.tracks}


# -- install ------------------------------------------------------------


def test_installed_twice_is_installed_once(app, analytics, recorder):
    """The first one stays, and no signal has a receiver more."""
    receivers = [
        signals.before_task_publish,
        signals.task_prerun,
        signals.task_postrun,
        signals.worker_process_shutdown,
        signals.worker_shutdown,
    ]
    before = [len(one.receivers) for one in receivers]
    with Analytics("other", sink=Recorder()) as other:
        install(app, other)
    assert before == [len(one.receivers) for one in receivers]
    app.tasks["work"].apply(("Worked",), headers={HEADER: KNOWN}, throw=True)

    assert ["u1"] == [one["userId"] for one in recorder.tracks]


def test_an_app_without_us_is_left_alone(app, recorder):
    """Another app of the process runs its tasks as if we were not there."""
    other = Celery("other", broker="memory://", set_as_current=False)
    seen = []

    def look():
        seen.append(current())

    task = other.task(look, shared=False)
    with bind(user_id="u1") as outer:
        task.apply(throw=True)
        assert [outer] == seen


@pytest.mark.parametrize(
    ("setting", "arguments"),
    [
        ("analytics", {"analytics": "a-key"}),
        ("flush_per_task", {"flush_per_task": 0}),
        ("flush_per_task", {"flush_per_task": True}),
        ("flush_per_task", {"flush_per_task": "5"}),
        ("flush_per_task", {"flush_per_task": float("inf")}),
    ],
)
def test_wrong_arguments_fail_at_once(setting, arguments):
    """What can't work raises where the app is made, and names itself."""
    made = Celery("wrong", set_as_current=False)
    with pytest.raises(ConfigurationError, match=setting) as raised:
        install(made, **arguments)
    assert setting == raised.value.setting
