"""A signed-in user, and a sink that keeps what is sent."""

import pytest

from segment_integrations import Analytics


class Recorder:
    """A sink that keeps what it gets."""

    def __init__(self):
        self.messages = []

    def put(self, body, message):
        self.messages.append(message)

    @property
    def names(self):
        return [message["event"] for message in self.messages]

    @property
    def properties(self):
        return [message["properties"] for message in self.messages]


@pytest.fixture
def recorder():
    """A sink."""
    return Recorder()


@pytest.fixture
def analytics(recorder):
    """An `Analytics` that is the default one."""
    with Analytics(sink=recorder, strict=False) as analytics:
        yield analytics


@pytest.fixture
def sent(analytics, recorder):
    """What the calls of a signed-in user have sent."""
    with analytics.bind(user_id="user-1"):
        yield recorder
