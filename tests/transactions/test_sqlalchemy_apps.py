"""The session hook in Flask and FastAPI applications, and beside Django's deferral."""

import asyncio
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.testclient import TestClient
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from segment_integrations import Analytics, track
from segment_integrations.core import deferring
from segment_integrations.fastapi import SegmentMiddleware
from segment_integrations.flask import Segment
from segment_integrations.sqlalchemy import hold_events
from segment_integrations.testing import BROWSER_HEADERS


def left(events):
    """What has left: the names of track calls, and the types of others."""
    return [one.get("event", one["type"]) for one in events.messages]


# -- Flask ---------------------------------------------------------------------------


@pytest.fixture
def flask_client(tmp_path):
    """A Flask application with Flask-SQLAlchemy, as its documentation has it."""
    app = Flask("shop")
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'flask.sqlite'}"
    db = SQLAlchemy()
    db.init_app(app)
    Segment(app, Analytics("key"))

    class Order(db.Model):
        id = db.Column(db.Integer, primary_key=True)

    with app.app_context():
        db.create_all()
        hold_events(db.session)

    @app.get("/commits")
    def commits():
        db.session.add(Order())
        track("A")
        db.session.commit()
        return "done"

    @app.get("/fails")
    def fails():
        db.session.add(Order())
        track("A")
        db.session.flush()
        raise ValueError

    @app.get("/reads")
    def reads():
        db.session.scalars(db.select(Order)).all()
        track("A")
        return "done"

    client = app.test_client()
    client.set_cookie("ajs_anonymous_id", "visitor-0001")
    yield client
    with app.app_context():
        db.engine.dispose()


def test_flask(flask_client, segment_events):
    """Flask-SQLAlchemy: the commit sends, a view that fails does not, reading does."""
    assert 200 == flask_client.get("/commits", headers=BROWSER_HEADERS).status_code
    assert ["A", "page"] == left(segment_events)
    segment_events.clear()
    assert 500 == flask_client.get("/fails", headers=BROWSER_HEADERS).status_code
    assert [] == left(segment_events)
    assert 200 == flask_client.get("/reads", headers=BROWSER_HEADERS).status_code
    assert {"A", "page"} == set(left(segment_events))
    segment_events.assert_tracked("A", anonymous_id="visitor-0001")


# -- FastAPI -------------------------------------------------------------------------


@pytest.fixture
def analytics():
    """Where the application's events go."""
    with Analytics("key") as analytics:
        yield analytics


def of_threads(analytics, order, engine):
    """An application whose dependencies and endpoints run in threads."""
    maker = sessionmaker(engine)
    hold_events(maker)
    app = FastAPI()
    app.add_middleware(SegmentMiddleware, analytics=analytics)

    def session():
        with maker() as session:
            yield session

    db = Annotated[Session, Depends(session)]

    def user(session: db):
        session.scalars(select(order)).all()  # begins, in a thread of its own
        return "user-1"

    @app.get("/{how}")
    def buy(how: str, session: db, user: Annotated[str, Depends(user)]):
        track("A", user_id=user)
        session.add(order())
        track("B", user_id=user)
        if how == "fails":
            raise HTTPException(409)
        session.commit()
        track("C", user_id=user)

    return app


def of_tasks(analytics, order, engine):
    """The same on asyncio."""
    maker = async_sessionmaker(engine)
    hold_events(maker)
    app = FastAPI()
    app.add_middleware(SegmentMiddleware, analytics=analytics)

    async def session():
        async with maker() as session:
            yield session

    db = Annotated[AsyncSession, Depends(session)]

    async def user(session: db):
        await session.scalars(select(order))
        return "user-1"

    @app.get("/{how}")
    async def buy(how: str, session: db, user: Annotated[str, Depends(user)]):
        track("A", user_id=user)
        await session.execute(insert(order))
        track("B", user_id=user)
        if how == "fails":
            raise HTTPException(409)
        await session.commit()
        track("C", user_id=user)

    return app


@pytest.fixture(params=["threads", "tasks"])
def app(request, analytics, order, base, engine, tmp_path):  # noqa: PLR0917 - fixtures
    """The two applications."""
    if request.param == "threads":
        yield of_threads(analytics, order, engine)
        return
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'fast.sqlite'}")

    async def create():
        async with engine.begin() as connection:
            await connection.run_sync(base.metadata.create_all)
        await engine.dispose()

    asyncio.run(create())
    yield of_tasks(analytics, order, engine)
    asyncio.run(engine.dispose())


def test_fastapi(app, analytics, segment_events):
    """A session that a dependency has begun holds the endpoint's events back."""
    with TestClient(app) as client:
        assert 200 == client.get("/pays").status_code
        assert ["A", "B", "C"] == left(segment_events)
        segment_events.clear()
        assert 409 == client.get("/fails").status_code
        assert [] == left(segment_events)
        assert 2 == analytics.stats().dropped["rolled_back"]
        assert 200 == client.get("/pays").status_code
        assert ["A", "B", "C"] == left(segment_events)
    assert 0 == analytics._pipeline._deferrals.held_bytes


# -- beside another deferral ---------------------------------------------------------


class Other:
    """A `Deferral` of another kind, which ends when the test says so."""

    def __init__(self):
        self.kept = []

    def defer(self, put, rolled_back):
        self.kept.append((put, rolled_back))
        return True


@pytest.mark.parametrize("first", ["own", "session"])
@pytest.mark.parametrize("ends", ["well", "badly"])
def test_beside_the_one_of_an_analytics(segment_events, maker, order, first, ends):
    """With a transaction of each kind open an event waits for both."""
    other = Other()
    with Analytics("key") as analytics, maker() as session:
        analytics.deferral = other
        session.add(order())
        analytics.track("A", user_id="u")
        ((put, rolled_back),) = other.kept
        steps = [put if ends == "well" else rolled_back, session.commit]
        for step in steps if first == "own" else reversed(steps):
            assert [] == left(segment_events)
            step()
        assert (["A"] if ends == "well" else []) == left(segment_events)
        assert (ends == "badly") == ("rolled_back" in analytics.stats().dropped)
        assert 0 == analytics._pipeline._deferrals.held_bytes


def test_a_deferral_that_raises(segment_events, maker, order):
    """A fault of a deferral is counted, raises nothing and keeps nothing."""

    class Broken:
        def defer(self, put, rolled_back):
            raise ValueError

    with Analytics("key") as analytics, maker() as session:
        deferring.SHARED.append(Broken())
        session.add(order())
        assert analytics.track("A", user_id="u") is None
        assert {"failed": 1} == analytics.stats().dropped
        session.commit()
        assert 0 == analytics._pipeline._deferrals.held_bytes
