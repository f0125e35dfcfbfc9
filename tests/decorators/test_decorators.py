"""What `tracks` keeps of a function, and when it emits."""

import asyncio
import copy
import functools
import inspect

import asgiref.sync
import pytest

from segment_integrations import (
    ConfigurationError,
    no_page,
    page_name,
    tracks,
)

done = tracks("Done")


def plain(a: int, b: "str" = "x", *rest: int, c: float = 1.0, **more: object) -> str:
    """Return a text."""
    return f"{a}{b}"


async def coroutine(a: int, b: "str" = "x") -> str:
    """Return a text, later."""
    await asyncio.sleep(0)
    return f"{a}{b}"


def generator(count: int = 2) -> "object":
    """Give numbers."""
    yield from range(count)


async def async_generator(count: int = 2) -> "object":
    """Give numbers, later."""
    for number in range(count):
        yield number


def marked(a: int) -> "object":
    """Return a coroutine without being a coroutine function, as Django does."""
    return coroutine(a)


asgiref.sync.markcoroutinefunction(marked)
marked.view_class = object


def attributed():
    """Carry what frameworks put on functions."""


attributed.csrf_exempt = True
attributed.__segment_page_name__ = "Here"


class Greeter:
    """Greets."""

    rate = 3

    def __call__(self, name: "str" = "you") -> str:
        return f"{self.rate} {name}"

    def method(self, name: str) -> str:
        """Greet by method."""
        return name


class AsyncGreeter:
    async def __call__(self, name: str) -> str:
        return name


@functools.lru_cache
def cached(number: int) -> int:
    """Remember."""
    return number


CALLABLES = {
    "plain": plain,
    "coroutine": coroutine,
    "generator": generator,
    "async generator": async_generator,
    "marked as async": marked,
    "with attributes": attributed,
    "object": Greeter(),
    "async object": AsyncGreeter(),
    "bound method": Greeter().method,
    "partial": functools.partial(plain, b="y"),
    "partial of coroutine": functools.partial(coroutine, 1),
    "cached": cached,
}
TRAITS = [
    inspect.signature,
    inspect.iscoroutinefunction,
    asgiref.sync.iscoroutinefunction,
    inspect.isasyncgenfunction,
    inspect.isgeneratorfunction,
    inspect.ismethod,
    lambda one: inspect.iscoroutinefunction(one.__call__),
]


@pytest.mark.parametrize("kind", CALLABLES)
def test_de1_frameworks_see_the_same_function(kind):
    """DE-1: signature, kind, names and attributes are the undecorated function's."""
    before = CALLABLES[kind]
    after = done(before)
    for trait in TRAITS:
        assert trait(before) == trait(after)
    for name in dir(before):
        if name.startswith("__") and name not in ("__name__", "__doc__", "__module__"):
            continue
        if isinstance(before, functools.partial) and name == "func":
            assert before.func is after.func.__wrapped__
            continue
        assert getattr(before, name) == getattr(after, name), name


def test_de1_annotations_resolve_in_the_function_s_own_module():
    """DE-1: a framework that evaluates annotations by ``__globals__`` still can."""
    assert done(plain).__globals__ is plain.__globals__
    assert done(plain).__wrapped__ is plain


def test_a_stand_in_can_be_copied():
    """A copied callable object still tracks and still answers for the object."""
    assert copy.copy(done(Greeter())).rate == 3


@pytest.mark.parametrize("kind", CALLABLES)
def test_every_kind_gives_its_result_and_one_event(kind, sent):
    """Each kind of callable works as before and sends one event a call."""
    before, after = CALLABLES[kind], done(CALLABLES[kind])
    takes = {"a": 1, "name": "you", "number": 7}
    parameters = inspect.signature(before).parameters
    given = {name: takes[name] for name in takes if name in parameters}
    if isinstance(before, functools.partial) and before.args:
        given = {}

    def outcome(function):
        result = function(**given)
        if inspect.iscoroutine(result):
            return asyncio.run(contextualised(result))
        if inspect.isasyncgen(result):
            return asyncio.run(collected(result))
        return list(result) if inspect.isgenerator(result) else result

    assert outcome(before) == outcome(after)
    assert ["Done"] == sent.names
    assert sent.messages[0]["userId"] == "user-1"


async def contextualised(awaitable):
    return await awaitable


async def collected(items):
    return [item async for item in items]


class Methods:
    @done
    def instance(self, a):
        return self, a

    @done
    @classmethod
    def class_inside(cls, a):
        return cls, a

    @classmethod
    @done
    def class_outside(cls, a):
        return cls, a

    @done
    @staticmethod
    def static_inside(a):
        return a

    @staticmethod
    @done
    def static_outside(a):
        return a


def test_methods_of_all_kinds(sent):
    """Methods, class methods and static methods work in either order."""
    one = Methods()
    assert (one, 1) == one.instance(1)
    assert (Methods, 2) == one.class_inside(2) == Methods.class_inside(2)
    assert (Methods, 3) == Methods.class_outside(3)
    assert Methods.static_inside(4) == one.static_inside(4) == 4
    assert Methods.static_outside(5) == 5
    assert len(sent.names) == 7


def test_marks_are_on_either_side_of_tracks():
    """`page_name` and `no_page` mark a tracked view, and stay on one marked before."""
    view = no_page(done(page_name("Here")(lambda: None)))
    assert "Here" == view.__segment_page_name__
    assert view.__segment_no_page__
    assert "Here" == page_name("Here")(done(lambda: None)).__segment_page_name__


def test_only_callables_are_taken():
    """A class or a property is refused with what to do instead."""
    with pytest.raises(ConfigurationError, match="not a class"):
        done(Greeter)
    with pytest.raises(ConfigurationError, match="not property"):
        done(property(plain))


@pytest.mark.parametrize("event", ["", "  ", None, 3])
def test_an_event_needs_a_name(event):
    """An empty event name is an error where it is written."""
    with pytest.raises(ConfigurationError, match="event must be a text"):
        tracks(event)


def test_when_is_one_of_three_words():
    """A misspelt `when` is an error where it is written."""
    with pytest.raises(ConfigurationError, match="when must be"):
        tracks("Done", when="later")
