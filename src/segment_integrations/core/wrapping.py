"""
Wraps any kind of callable so that frameworks see no difference.

What a function is (plain, async, a generator, an async generator, a bound method, a
`functools.partial`, an object with ``__call__``), the wrapper is too. Nothing of ours
is bound in the context variable while the function's own code runs or waits.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Watcher(Protocol):
    """Is told about each call of a wrapped function; must not raise without reason."""

    def start(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The call begins; what this returns is given to the other two."""
        ...

    def returned(
        self,
        note: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: object,
    ) -> None:
        """The function returned, or its generator came to its end."""
        ...

    def raised(
        self,
        note: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        error: BaseException,
    ) -> None:
        """The function raised; must not raise anything itself."""
        ...


def wrap(function: Any, watcher: Callable[[Callable[..., Any], bool], Watcher]) -> Any:
    """
    *function* with a watcher; to the outside the same kind of thing.

    Args:
        function: A callable, a staticmethod or a classmethod.
        watcher: Makes the watcher of a callable; the flag is True where the callable
            is made anew for every call (Django's `method_decorator`).
    """
    if isinstance(function, staticmethod | classmethod):
        method = type(function)(wrap(function.__func__, watcher))
        return _with_marks(method, function)
    if isinstance(function, functools.partial):
        inner = wrap(
            function.func,
            lambda inside, again: watcher(
                inside, again or "__wrapped__" in vars(function)
            ),
        )
        whole = type(function)(inner, *function.args, **function.keywords)
        return _with_marks(whole, function)
    if inspect.ismethod(function):
        return types.MethodType(wrap(function.__func__, watcher), function.__self__)
    watching = watcher(function, False)
    if isinstance(function, types.FunctionType):
        raw = _wrapper(function, function, watching)
        # Older frameworks look up the names of annotations in the wrapper's module.
        moved = types.FunctionType(
            raw.__code__, function.__globals__, closure=raw.__closure__
        )
        return functools.update_wrapper(moved, function)
    if hasattr(type(function), "__get__"):  # made in C, as by functools.lru_cache
        wrapper = functools.update_wrapper(
            _wrapper(function, function, watching), function
        )
        for name in dir(function):
            if not name.startswith("__") and not hasattr(wrapper, name):
                with suppress(AttributeError):
                    setattr(wrapper, name, getattr(function, name))
        return wrapper
    return _stand_in(function, watching)


def _with_marks(new: Any, old: Any) -> Any:
    for name, value in vars(old).items():
        if name not in vars(new):
            setattr(new, name, value)
    return new


class StandIn:
    """Stands for a callable object: everything but the call is the object's own."""

    def __init__(self, wrapped: Any) -> None:
        self.__wrapped__ = wrapped

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":  # not set yet, as in copy.copy
            raise AttributeError(name)
        return getattr(self.__wrapped__, name)


def _stand_in(function: Any, watching: Watcher) -> Any:
    kind = type(function)
    namespace = {
        "__call__": _wrapper(function, kind.__call__, watching, skip=1),
        "__doc__": function.__doc__,
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
    }
    return type(kind.__name__, (StandIn,), namespace)(function)


def _wrapper(function: Any, model: Any, watcher: Watcher, skip: int = 0) -> Any:
    """
    A wrapper for *function* of the kind that *model* is.

    The code of the wrappers uses no global name: they are moved to other modules.

    Args:
        function: What is called.
        model: What tells the kind; a ``__call__``, where *function* is an object.
        watcher: Is told about each call.
        skip: How many arguments to leave out: 1 where the first is a stand-in.
    """
    if inspect.iscoroutinefunction(model):
        return _of_coroutine(function, watcher, skip)
    if inspect.isasyncgenfunction(model):
        return _of_async_generator(function, watcher, skip)
    if inspect.isgeneratorfunction(model):
        return _of_generator(function, watcher, skip)
    return _of_plain(function, watcher, skip)


def _of_plain(function: Any, watcher: Watcher, skip: int) -> Any:
    start, returned, raised = watcher.start, watcher.returned, watcher.raised
    coroutine_type = Coroutine

    async def follow(
        coroutine: Any, note: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        try:
            result = await coroutine
        except BaseException as error:
            raised(note, args, kwargs, error)
            raise
        returned(note, args, kwargs, result)
        return result

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        args = args[skip:]
        note = start(args, kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            raised(note, args, kwargs, error)
            raise
        if isinstance(result, coroutine_type):
            # Async code behind a plain function, as Django's View.as_view gives.
            return follow(result, note, args, kwargs)
        returned(note, args, kwargs, result)
        return result

    return wrapper


def _of_coroutine(function: Any, watcher: Watcher, skip: int) -> Any:
    start, returned, raised = watcher.start, watcher.returned, watcher.raised

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        args = args[skip:]
        note = start(args, kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            raised(note, args, kwargs, error)
            raise
        returned(note, args, kwargs, result)
        return result

    return wrapper


def _of_generator(function: Any, watcher: Watcher, skip: int) -> Any:
    start, returned, raised = watcher.start, watcher.returned, watcher.raised

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        args = args[skip:]
        note = start(args, kwargs)
        try:
            result = yield from function(*args, **kwargs)
        except BaseException as error:
            raised(note, args, kwargs, error)
            raise
        returned(note, args, kwargs, result)
        return result

    return wrapper


def _of_async_generator(function: Any, watcher: Watcher, skip: int) -> Any:
    start, returned, raised = watcher.start, watcher.returned, watcher.raised

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        args = args[skip:]
        note = start(args, kwargs)
        try:
            generator = function(*args, **kwargs)
            resume, argument = generator.asend, None
            while True:
                try:
                    item = await resume(argument)
                except StopAsyncIteration:
                    break
                argument = None  # an exception in it would hold this frame
                try:
                    argument = yield item
                    resume = generator.asend
                except GeneratorExit:
                    await generator.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - the generator's to handle
                    resume, argument = generator.athrow, error
        except BaseException as error:
            raised(note, args, kwargs, error)
            raise
        returned(note, args, kwargs, None)

    return wrapper
