"""An identify that says nothing new is not sent again by this process."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack

import pytest

from segment_integrations import Analytics, bind
from segment_integrations.core.identified import KEPT_S, VISITORS_MAX, Identified
from segment_integrations.testing import capture


class Taken:
    """A sink that keeps what it is given, or refuses it."""

    def __init__(self):
        self.messages = []
        self.refuses = False

    def put(self, body, message):
        if self.refuses:
            return False
        self.messages.append(message)
        return True


@pytest.fixture
def analytics():
    with capture() as events, Analytics("key", strict=False) as made:
        made.events = events
        yield made


def test_the_same_again_is_not_sent(analytics):
    """The second call returns the id of the message that stands, and is counted."""
    first = analytics.identify("u-1", {"plan": "pro", "seats": 3})
    again = analytics.identify("u-1", {"seats": 3, "plan": "pro"})
    assert first == again
    assert [first] == [one["messageId"] for one in analytics.events.messages]
    assert 1 == analytics.stats().unchanged
    assert {} == dict(analytics.stats().dropped)


@pytest.mark.parametrize(
    "then",
    [
        {"traits": {"plan": "free"}},
        {"traits": {"plan": "pro", "seats": None}},
        {"traits": {"plan": "pro"}, "anonymous_id": "v-2"},
        {"traits": {"plan": "pro"}, "message_id": "mine"},
        {"traits": {"plan": "pro"}, "timestamp": 1_700_000_000},
        {"traits": {"plan": "pro"}, "context": {"active": False}},
        {"traits": {"plan": "pro"}, "integrations": {"All": False}},
    ],
    ids=range(7),
)
def test_what_says_more_is_sent(analytics, then):
    """Other traits, another visitor, and the caller's own fields are sent."""
    analytics.identify("u-1", {"plan": "pro"}, anonymous_id="v-1")
    assert analytics.identify("u-1", **{"anonymous_id": "v-1", **then})
    assert 2 == len(analytics.events.identifies)


def test_traits_that_change_back_are_sent(analytics):
    """What counts is what was said last, from whichever browser."""
    for plan, visitor in (("free", "a"), ("pro", "b"), ("free", "a"), ("free", "a")):
        analytics.identify("u-1", {"plan": plan}, anonymous_id=visitor)
    said = [one["traits"]["plan"] for one in analytics.events.identifies]
    assert ["free", "pro", "free"] == said


def test_without_traits_nothing_new_is_said(analytics):
    """One without traits is sent once for each visitor, and changes no trait."""
    for visitor in ("a", "a", "b", "b"):
        analytics.identify("u-1", {"plan": "pro"}, anonymous_id=visitor)
        analytics.identify("u-1", anonymous_id=visitor)
    assert ["a", "b"] == [one["anonymousId"] for one in analytics.events.identifies]


def test_the_caller_s_own_fields_are_forgotten_about(analytics):
    """After one with a time of its own, it is not known what stands: the next goes."""
    analytics.identify("u-1", {"plan": "free"})
    analytics.identify("u-1", {"plan": "pro"}, timestamp=1_700_000_000)
    analytics.identify("u-1", {"plan": "free"})
    assert 3 == len(analytics.events.identifies)


def test_the_context_of_a_block_is_the_caller_s_own(analytics):
    """In `bind(context=...)` each identify is sent."""
    with bind(user_id="u-1", context={"active": False}):
        analytics.identify()
        analytics.identify()
    assert 2 == len(analytics.events.identifies)


def test_a_group_or_consent_makes_it_new(analytics):
    """An account that the user is in now is a change."""
    analytics.identify("u-1", {"plan": "pro"})
    with bind(group_id="g-1"):
        analytics.identify("u-1", {"plan": "pro"})
        analytics.identify("u-1", {"plan": "pro"})
    assert 2 == len(analytics.events.identifies)


def test_each_capture_starts_anew(analytics):
    """A test does not depend on who was identified in the one before it."""
    analytics.identify("u-1")
    analytics.events.clear()
    analytics.identify("u-1")
    assert 1 == len(analytics.events.identifies)
    with capture() as inner:
        analytics.identify("u-1")
        assert 1 == len(inner.identifies)


def test_each_analytics_remembers_for_itself(analytics):
    """Another source has not heard of the user."""
    analytics.identify("u-1")
    with Analytics("other") as other:
        other.identify("u-1")
    assert 2 == len(analytics.events.identifies)


@pytest.mark.segment_live
def test_one_that_was_refused_is_sent_again():
    """A sink's no is no message that stands."""
    taken = Taken()
    with Analytics("key", sink=taken) as analytics:
        taken.refuses = True
        assert analytics.identify("u-1") is None
        taken.refuses = False
        assert analytics.identify("u-1")
        assert analytics.identify("u-1")
    assert 1 == len(taken.messages)


class Answering:
    """A transport that gives one status to all."""

    def __init__(self, status):
        self.status = status
        self.bodies = []

    def send(self, batch):
        from segment_integrations.core.ports import Answer

        self.bodies.append(batch)
        return Answer(self.status, {}, b"")


@pytest.mark.segment_live
@pytest.mark.parametrize("folder", [False, True], ids=["dropped", "dead"])
def test_one_that_delivery_lost_is_sent_again(tmp_path, folder):
    """Where Segment refuses a message, the next identify of the user goes out."""
    settings = {"spool_dir": tmp_path} if folder else {}
    transport = Answering(400)
    with ExitStack() as stack:
        analytics = Analytics("key", transport=transport, **settings)
        stack.callback(analytics.close)
        first = analytics.identify("u-1", {"plan": "pro"})
        assert analytics.flush(10) is False
        stats = analytics.stats()
        assert 1 == stats.dead + sum(stats.dropped.values())
        transport.status = 200
        assert first != analytics.identify("u-1", {"plan": "pro"})
        assert analytics.flush(10)
        assert 0 == analytics.stats().unchanged


def test_a_processor_s_no_is_forgotten(analytics):
    """What a processor dropped has not been said."""
    keeps = []
    with Analytics(
        "key", processors=[lambda one: one if keeps else None], strict=False
    ) as made:
        assert made.identify("u-1") is None
        keeps.append(True)
        assert made.identify("u-1")


# -- the memory ------------------------------------------------------------------------


def ticket(memory, user, traits=None, visitor=None):
    message = {"userId": user, "anonymousId": visitor, "context": {}}
    return memory.ticket(message, {"traits": traits or {}})


def test_the_memory_is_bounded():
    """The users asked for last are kept; a user with many browsers costs no more."""
    memory = Identified(users_max=100)
    for number in range(1_000):
        memory.note(ticket(memory, "first"), "m-first")
        memory.note(ticket(memory, f"u-{number}"), f"m-{number}")
    assert 100 >= len(memory._young) + len(memory._old)
    assert "m-999" == memory.known(ticket(memory, "u-999"))
    assert "m-first" == memory.known(ticket(memory, "first"))
    assert memory.known(ticket(memory, "u-1")) is None
    for number in range(10 * VISITORS_MAX):
        memory.note(ticket(memory, "shared", visitor=f"v-{number}"), "m")
    assert VISITORS_MAX >= len(memory._found(ticket(memory, "shared").user).visitors)


def test_the_memory_holds_no_traits():
    """Neither traits nor ids of people are kept as they are."""
    memory = Identified()
    secret = {"email": "ada@example.org"}
    memory.note(ticket(memory, "u-secret", secret, "v-secret"), "m-1")
    (said,) = memory._young.values()
    kept = repr([memory._young, said.traits, said.visitors])
    for text in ("ada@", "u-secret", "v-secret"):
        assert text not in kept
    other = Identified()
    assert ticket(memory, "u", secret).traits != ticket(other, "u", secret).traits


def test_the_memory_ends():
    """What another process may have changed meanwhile is put right after an hour."""
    now = [0.0]
    memory = Identified(clock=lambda: now[0])
    memory.note(ticket(memory, "u-1"), "m-1")
    now[0] = KEPT_S - 1
    assert "m-1" == memory.known(ticket(memory, "u-1"))
    now[0] = KEPT_S
    assert memory.known(ticket(memory, "u-1")) is None
    memory.note(ticket(memory, "u-1"), "m-2")
    assert "m-2" == memory.known(ticket(memory, "u-1"))


def test_threads_share_the_memory(analytics):
    """Many threads at once break nothing, and each user's last word is known."""
    failed = []

    def work(number):
        try:
            for turn in range(200):
                analytics.identify(f"u-{turn % 20}", {"by": number % 2})
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert [] == failed
    sent = len(analytics.events.identifies)
    assert 1_600 == sent + analytics.stats().unchanged
    assert 20 <= sent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_knows_what_its_parent_has_sent(analytics):
    """After a fork the memory works in the child."""
    first = analytics.identify("u-1", {"plan": "pro"})
    child = os.fork()
    if not child:
        known = analytics.identify("u-1", {"plan": "pro"}) == first
        more = analytics.identify("u-2") not in {None, first}
        os._exit(0 if known and more else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_it_is_forgotten_on_close(analytics):
    """A closed one keeps nothing."""
    analytics.identify("u-1")
    analytics.close()
    assert {} == analytics._identified._young == analytics._identified._old
