"""A table, sessions on real databases, and what has left."""

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from segment_integrations import Analytics
from segment_integrations.core import deferring
from segment_integrations.sqlalchemy import hold_events


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)


class Kept(list):
    """A sink: the names of the events that have left."""

    def put(self, body, message):
        self.append(message.get("event") or message["type"])


@pytest.fixture(autouse=True)
def no_hook_of_another_test(monkeypatch):
    """Each test installs the hook by itself."""
    monkeypatch.setattr(deferring, "SHARED", [])


@pytest.fixture
def sent():
    """The events that have left, in their order."""
    return Kept()


@pytest.fixture
def analytics(sent):
    """The default `Analytics`, whose events go to `sent`."""
    with Analytics("key", sink=sent) as analytics:
        yield analytics


@pytest.fixture
def rolled_back(analytics):
    """Tells how many events were rolled back."""
    return lambda: analytics.stats().dropped.get("rolled_back", 0)


@pytest.fixture
def engine(tmp_path):
    """A database in a file, so that two connections are two."""
    engine = create_engine(f"sqlite:///{tmp_path / 'db.sqlite'}")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def maker(engine):
    """A `sessionmaker` that is watched."""
    maker = sessionmaker(engine)
    hold_events(maker)
    return maker


@pytest.fixture
def order():
    """The mapped class."""
    return Order


@pytest.fixture
def base():
    """The metadata of the table."""
    return Base
