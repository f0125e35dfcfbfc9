"""Events in the transactions of SQLAlchemy's sessions."""

import gc
import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, event, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from segment_integrations import Analytics, ConfigurationError, bind
from segment_integrations.sqlalchemy import hold_events


class RefusedError(Exception):
    """Ends a block."""


@contextmanager
def refused():
    try:
        yield
    except RefusedError:
        return
    pytest.fail("nothing was refused")


def test_without_a_transaction_it_leaves_at_once(analytics, sent, maker):
    """A session that has begun nothing holds nothing back."""
    with maker():
        assert analytics.track("A", user_id="u") is not None
        assert ["A"] == sent


def test_commit(analytics, sent, maker, order):
    """In a transaction an event is accepted at once and leaves at the commit."""
    with maker() as session:
        session.add(order())
        assert analytics.track("A", user_id="u") is not None
        session.flush()
        analytics.track("B", user_id="u")
        assert [] == sent
        session.commit()
        assert ["A", "B"] == sent
        analytics.track("C", user_id="u")
    assert ["A", "B", "C"] == sent


def test_rollback(analytics, sent, rolled_back, maker, order):
    """What is rolled back is dropped and counted, by `rollback` and by an exception."""
    with maker() as session:
        session.add(order())
        analytics.track("A", user_id="u")
        session.rollback()
        assert 1 == rolled_back()
    with refused(), maker.begin() as session:
        analytics.track("B", user_id="u")
        raise RefusedError
    assert 2 == rolled_back()
    assert [] == sent


def test_closed_without_commit(analytics, sent, rolled_back, maker, order):
    """A session that is closed with what it wrote uncommitted counts as rolled back."""
    writes = [
        lambda session: session.add(order()),
        lambda session: session.execute(insert(order)),
        lambda session: session.execute(text("INSERT INTO orders DEFAULT VALUES")),
        lambda session: session.bulk_insert_mappings(order, [{"id": 7}]),
    ]
    for number, write in enumerate(writes, 1):
        with maker() as session:
            write(session)
            analytics.track("A", user_id="u")
        assert number == rolled_back()
    assert [] == sent


def test_closed_after_reading_only(analytics, sent, rolled_back, maker, order):
    """Where nothing was written there is nothing to roll back: it leaves at the end."""
    with maker() as session:
        session.scalars(select(order)).all()
        analytics.track("A", user_id="u")
        with session.begin_nested():
            session.get(order, 1)
            analytics.track("B", user_id="u")
        assert [] == sent
    assert ["A", "B"] == sent
    assert 0 == rolled_back()


def test_rolled_back_after_reading_only(analytics, sent, rolled_back, maker, order):
    """Whoever rolls back means it, whatever was written."""
    with maker() as session:
        session.scalars(select(order)).all()
        analytics.track("A", user_id="u")
        session.rollback()
    assert 1 == rolled_back()
    assert [] == sent


def test_savepoint(analytics, sent, rolled_back, maker, order):
    """The rollback of a savepoint drops what was tracked in it, and no more."""
    with maker() as session:
        session.add(order())
        analytics.track("Outer", user_id="u")
        with refused(), session.begin_nested():
            session.add(order())
            analytics.track("Inner", user_id="u")
            with session.begin_nested():
                analytics.track("Innermost", user_id="u")
            raise RefusedError
        assert 2 == rolled_back()
        with session.begin_nested():
            analytics.track("Kept", user_id="u")
        analytics.track("After", user_id="u")
        assert [] == sent
        session.commit()
    assert ["Outer", "Kept", "After"] == sent
    with maker() as session:
        with session.begin_nested():
            session.add(order())
            analytics.track("Released", user_id="u")
        session.rollback()
    assert 3 == rolled_back()


def test_a_failed_flush(analytics, sent, rolled_back, maker, order):
    """A flush that fails has rolled back; what is tracked until its end is lost too."""
    with maker() as session:
        session.add(order(id=1))
        session.commit()
    with maker() as session:
        session.add(order(id=1))
        analytics.track("A", user_id="u")
        with pytest.raises(IntegrityError):
            session.flush()
        assert 1 == rolled_back()
        analytics.track("B", user_id="u")
        assert 2 == rolled_back()
        session.rollback()
        session.add(order())
        analytics.track("C", user_id="u")
        session.commit()
    assert ["C"] == sent


def test_a_commit_that_fails(analytics, sent, rolled_back, tmp_path):
    """A constraint that is checked at the commit loses the events with the rows."""
    engine = create_engine(f"sqlite:///{tmp_path / 'deferred.sqlite'}")
    event.listen(
        engine, "connect", lambda one, _: one.execute("PRAGMA foreign_keys=ON")
    )
    maker = sessionmaker(engine)
    hold_events(maker)
    with maker.begin() as session:
        session.execute(text("CREATE TABLE a (id INTEGER PRIMARY KEY)"))
        session.execute(
            text(
                "CREATE TABLE b (a INTEGER REFERENCES a (id)"
                " DEFERRABLE INITIALLY DEFERRED)"
            )
        )
    with maker() as session:
        session.execute(text("INSERT INTO b VALUES (7)"))
        analytics.track("A", user_id="u")
        with pytest.raises(IntegrityError):
            session.commit()
    engine.dispose()
    assert [] == sent
    assert 1 == rolled_back()


def test_another_listener_raises(analytics, sent, maker, order):
    """A listener of the application that raises at the commit does not cost ours."""

    def fails(session):
        raise RefusedError

    event.listen(maker, "after_commit", fails)
    with maker() as session:
        session.add(order())
        analytics.track("A", user_id="u")
        with pytest.raises(RefusedError):
            session.commit()
        assert ["A"] == sent


def test_an_event_of_a_listener(analytics, sent, maker, order):
    """What is tracked in an `after_commit` listener leaves, for it has committed."""
    event.listen(maker, "after_commit", lambda _: analytics.track("A", user_id="u"))
    with maker() as session:
        session.add(order())
        session.commit()
    assert ["A"] == sent


def test_payload_and_identity_are_those_of_the_call(engine, segment_events, order):
    """Properties and identity are frozen when tracked, not at the commit."""
    maker = sessionmaker(engine)
    hold_events(maker)
    properties = {"total": 1}
    with Analytics("key") as analytics, maker() as session:
        session.add(order())
        with bind(user_id="u2"):
            analytics.track("A", properties)
        properties["total"] = 2
        session.commit()
    segment_events.assert_tracked("A", user_id="u2", properties={"total": 1})


def test_pages_do_not_wait(analytics, sent, maker, order):
    """A page was seen, whatever becomes of the transaction."""
    with maker() as session:
        session.add(order())
        analytics.page("Home", user_id="u")
        analytics.screen("Start", user_id="u")
        assert ["page"] == sent


def test_after_commit_off(sent, maker, order):
    """`after_commit=False` sends at once, whatever becomes of the transaction."""
    with (
        Analytics("key", sink=sent, after_commit=False) as analytics,
        maker() as session,
    ):
        session.add(order())
        analytics.track("A", user_id="u")
        assert ["A"] == sent


def test_autocommit(analytics, sent, engine, order):
    """A session whose statements commit by themselves holds nothing back."""
    maker = sessionmaker(engine.execution_options(isolation_level="AUTOCOMMIT"))
    hold_events(maker)
    with maker() as session:
        session.execute(insert(order))
        analytics.track("A", user_id="u")
        assert ["A"] == sent


def test_two_sessions(analytics, sent, rolled_back, engine, order):
    """With two sessions in a transaction the event waits for both to commit."""
    maker = sessionmaker(engine)
    hold_events(maker)
    with maker() as one, maker() as other:
        one.add(order())
        other.add(order())
        analytics.track("A", user_id="u")
        one.commit()
        assert [] == sent
        other.commit()
        assert ["A"] == sent
        one.add(order())
        other.add(order())
        analytics.track("B", user_id="u")
        one.commit()
        other.rollback()
    assert ["A"] == sent
    assert 1 == rolled_back()


def test_another_thread(analytics, sent, maker, order):
    """The transaction of one thread does not hold the events of another."""
    with maker() as session:
        session.add(order())
        thread = threading.Thread(
            target=analytics.track, args=["A"], kwargs={"user_id": 1}
        )
        thread.start()
        thread.join(30)
        assert ["A"] == sent


def test_a_session_that_nobody_closes(analytics, sent, rolled_back, maker, order):
    """An open session that is forgotten is rolled back, and keeps no bytes."""

    def held_bytes():
        return analytics._pipeline._deferrals.held_bytes

    session = maker()
    session.add(order())
    analytics.track("A", user_id="u")
    assert held_bytes() > 0
    del session
    gc.collect()
    assert 1 == rolled_back()
    assert 0 == held_bytes()
    analytics.track("B", user_id="u")
    assert ["B"] == sent


def test_what_waits_is_bounded(sent, maker, order):
    """No more waits than `queue_bytes` has room for; the rest is counted."""
    with Analytics("key", sink=sent, queue_bytes=10_000) as analytics:
        with maker() as session:
            session.add(order())
            ids = [
                analytics.track("A", {"x": "y" * 900}, user_id="u") for _ in range(40)
            ]
            dropped = analytics.stats().dropped["queue_full"]
            assert dropped == ids.count(None) > 25
            assert analytics._pipeline._deferrals.held_bytes <= 10_000
            session.commit()
        assert 40 - dropped == len(sent)
        assert 0 == analytics._pipeline._deferrals.held_bytes


def kinds(engine):
    """What can be given, and how a session is made of it."""
    own = type("Own", (Session,), {})
    maker, scoped = sessionmaker(engine), scoped_session(sessionmaker(engine))
    session = Session(engine)
    return {
        "class": (own, lambda: own(engine)),
        "sessionmaker": (maker, maker),
        "scoped_session": (scoped, scoped),
        "instance": (session, lambda: session),
    }


@pytest.mark.parametrize(
    "kind", ["class", "sessionmaker", "scoped_session", "instance"]
)
def test_what_can_be_held(analytics, sent, engine, order, kind):
    """A class, a maker, a scoped session and one session; undone by `close`."""
    target, make = kinds(engine)[kind]
    undo = hold_events(target)
    hold_events(target)
    session = make()
    session.add(order())
    analytics.track("A", user_id="u")
    assert [] == sent
    session.commit()
    assert ["A"] == sent
    undo.close()
    session.add(order())
    analytics.track("B", user_id="u")
    assert ["A", "B"] == sent
    session.close()


def test_all_sessions(analytics, sent, maker, order):
    """`Session` stands for all; with its maker watched as well it waits once."""
    with hold_events(Session), maker() as session:
        session.add(order())
        with session.begin_nested():
            analytics.track("A", user_id="u")
        assert [] == sent
        session.commit()
        assert ["A"] == sent


@pytest.mark.parametrize("target", [object(), object, None, create_engine("sqlite://")])
def test_what_can_not_be_held(target):
    """Anything else is refused, by its type."""
    with pytest.raises(ConfigurationError, match="hold_events takes a session"):
        hold_events(target)


def test_async_makers_share_no_class():
    """Watching one `async_sessionmaker` does not watch the others."""
    one, other = async_sessionmaker(), async_sessionmaker()
    hold_events(one)
    hold_events(one)
    assert one.kw["sync_session_class"] is not Session
    assert "sync_session_class" not in other.kw
    assert Session is AsyncSession.sync_session_class


def test_a_session_that_only_read_may_be_left_to_the_garbage_collector(
    analytics, sent, maker
):
    """There is nothing to roll back, so its events leave as they do at a close."""
    session = maker()
    session.execute(select(1)).all()
    assert analytics.track("A", user_id="u") is not None
    assert [] == sent
    del session
    gc.collect()
    assert ["A"] == sent
    assert {} == analytics.stats().dropped
