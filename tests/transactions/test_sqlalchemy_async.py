"""Events in the transactions of SQLAlchemy's asyncio sessions."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, sessionmaker

from segment_integrations.sqlalchemy import hold_events

KINDS = ["maker", "with a sync maker", "scoped", "class", "instance"]


@asynccontextmanager
async def database(base, path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{path / 'async.sqlite'}")
    async with engine.begin() as connection:
        await connection.run_sync(base.metadata.create_all)
    try:
        yield engine
    finally:
        await engine.dispose()


def of_kind(kind, engine):
    """What is given to `hold_events`, and how a session is made of it."""
    if kind == "maker":
        maker = async_sessionmaker(engine)
        return maker, maker
    if kind == "with a sync maker":
        maker = async_sessionmaker(engine, sync_session_class=sessionmaker())
        return maker, maker
    if kind == "scoped":
        scoped = async_scoped_session(
            async_sessionmaker(engine), scopefunc=asyncio.current_task
        )
        return scoped, scoped
    if kind == "class":
        sync = type("Sync", (Session,), {})
        own = type("Own", (AsyncSession,), {"sync_session_class": sync})
        return own, lambda: own(engine)
    session = AsyncSession(engine)
    return session, lambda: session


@pytest.mark.parametrize("kind", KINDS)
def test_commit_and_rollback(analytics, sent, rolled_back, base, order, tmp_path, kind):  # noqa: PLR0917 - fixtures
    """Whatever makes the session: a commit sends, a rollback and a savepoint's drop."""

    async def main():
        async with database(base, tmp_path) as engine:
            target, make = of_kind(kind, engine)
            hold_events(target)
            session = make()
            session.add(order())
            analytics.track("A", user_id="u")
            savepoint = await session.begin_nested()
            await session.execute(insert(order))
            analytics.track("Inner", user_id="u")
            await savepoint.rollback()
            assert 1 == rolled_back()
            assert [] == sent
            await session.commit()
            assert ["A"] == sent
            await session.execute(insert(order))
            analytics.track("B", user_id="u")
            await session.rollback()
            assert 2 == rolled_back()
            await session.scalars(select(order))
            analytics.track("C", user_id="u")
            await session.close()
            assert ["A", "C"] == sent

    asyncio.run(main())


def test_two_tasks(analytics, sent, base, order, tmp_path):
    """The transaction of one task does not hold the events of another."""

    async def main():
        async with database(base, tmp_path) as engine:
            maker = async_sessionmaker(engine)
            hold_events(maker)
            has_begun, may_end = asyncio.Event(), asyncio.Event()

            async def slow():
                async with maker.begin() as session:
                    await session.execute(insert(order))
                    analytics.track("Slow", user_id="u")
                    has_begun.set()
                    await may_end.wait()

            task = asyncio.create_task(slow())
            await asyncio.wait_for(has_begun.wait(), 30)
            analytics.track("Other", user_id="u")
            assert ["Other"] == sent
            may_end.set()
            await asyncio.wait_for(task, 30)
            assert ["Other", "Slow"] == sent

    asyncio.run(main())


def test_cancelled(analytics, sent, rolled_back, base, order, tmp_path):  # noqa: PLR0917 - fixtures
    """A task that is cancelled in its transaction has not committed."""

    async def main():
        async with database(base, tmp_path) as engine:
            maker = async_sessionmaker(engine)
            hold_events(maker)
            has_begun = asyncio.Event()

            async def work():
                async with maker.begin() as session:
                    await session.execute(insert(order))
                    analytics.track("A", user_id="u")
                    has_begun.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            await asyncio.wait_for(has_begun.wait(), 30)
            task.cancel()
            await asyncio.wait([task], timeout=30)
            assert task.cancelled()

    asyncio.run(main())
    assert [] == sent
    assert 1 == rolled_back()
