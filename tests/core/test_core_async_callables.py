"""Settings whose callable is async, and answers that nobody has awaited."""

from __future__ import annotations

import asyncio
import functools
import warnings

import pytest

from segment_integrations import ConfigurationError, Settings, track
from segment_integrations.ports import RequestInfo

HERE = __name__
VISIT = {"cookie": "ajs_anonymous_id=visitor-1"}


async def answers(_, *__):
    """A coroutine function."""
    return False


async def yields(_, *__):
    """An async generator function."""
    yield False


class Answers:
    async def __call__(self, _):
        return False

    async def asked(self, _):
        return False

    def has_agreed(self):
        return False


ASYNC = {
    "function": answers,
    "generator": yields,
    "object": Answers(),
    "method": Answers().asked,
    "partial": functools.partial(answers, 1),
    "partial of an object": functools.partial(Answers(), 1),
    "partial of a partial": functools.partial(functools.partial(answers, 1), 2),
    "lambda's own": functools.partial(Answers().asked),
}
CALLABLES = ["user", "group", "consent", "exclude", "processors"]
CALLABLES += ["on_error", "on_drop", "on_delivered", "on_violation"]


@pytest.mark.parametrize("kind", ASYNC)
@pytest.mark.parametrize("name", CALLABLES)
def test_an_async_callable_is_refused_at_start_up(name, kind):
    """Its coroutine would be true, and its answer never read: the setting is named."""
    value = [ASYNC[kind]] if name in {"exclude", "processors"} else ASYNC[kind]
    with pytest.raises(ConfigurationError, match="must be a plain function") as caught:
        Settings.resolve({name: value}, environ={})
    assert name == caught.value.setting
    assert str(caught.value).startswith(name)


def test_an_async_callable_of_the_environment_is_refused():
    """Where a text leads to it, the variable is named."""
    environ = {"SEGMENT_CONSENT": f"{HERE}:answers"}
    with pytest.raises(ConfigurationError, match=r"^SEGMENT_CONSENT must be a plain"):
        Settings.resolve({}, environ=environ)


class Pending:
    def __await__(self):
        yield


def asyncio_future():
    loop = asyncio.new_event_loop()
    loop.close()
    return asyncio.Future(loop=loop)


UNREAD = {
    "coroutine": lambda: answers(1),
    "async generator": lambda: yields(1),
    "generator": lambda: (one for one in [False]),
    "future": asyncio_future,
    "awaitable": Pending,
    "function": lambda: answers,
    "method": lambda: Answers().has_agreed,
}


@pytest.mark.parametrize("kind", UNREAD)
def test_an_answer_that_nobody_awaited_is_a_no(make, sink, log, kind):
    """What is true but says nothing is no consent; the log says so once."""
    analytics = make(consent=lambda _: UNREAD[kind]())
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a coroutine that was never awaited
        for _ in range(3):
            with analytics.request(RequestInfo(headers=VISIT)):
                assert track("Seen") is None
    assert [] == sink.messages
    assert {"consent": 3} == dict(analytics.stats().dropped)
    (line,) = log()
    assert "consent answered with a" in line
    assert "plain function" in line


@pytest.mark.parametrize(
    "answer", [1, "yes", object(), Answers], ids=["number", "text", "object", "class"]
)
def test_an_answer_that_is_true_is_a_yes(make, sink, answer):
    """Any other value goes by its truth."""
    analytics = make(consent=lambda _: answer)
    with analytics.request(RequestInfo(headers=VISIT)):
        assert track("Seen") is not None
    assert 1 == len(sink.messages)
