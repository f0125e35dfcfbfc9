"""
Runs the steps of a generator inside a context, which is never left bound at a yield.

Between two steps a generator's caller is somewhere else, perhaps in another request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segment_integrations.core.current import RequestContext, set_current

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator


def steps(
    context: RequestContext | None, generator: Generator[Any, Any, Any]
) -> Generator[Any, Any, Any]:
    """*generator* with *context* bound in each step; `send` and `throw` pass."""
    resume, argument = generator.send, None
    try:
        while True:
            previous = set_current(context)
            try:
                item = resume(argument)
            except StopIteration as stop:
                return stop.value
            finally:
                set_current(previous)
            try:
                argument = yield item
                resume = generator.send
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - the generator's own
                resume, argument = generator.throw, error
    finally:
        previous = set_current(context)
        try:
            generator.close()
        finally:
            set_current(previous)


async def asteps(
    context: RequestContext | None, generator: AsyncGenerator[Any, Any]
) -> AsyncGenerator[Any, Any]:
    """As `steps`, for an async generator."""
    resume: Any = generator.asend
    argument: Any = None
    try:
        while True:
            previous = set_current(context)
            try:
                item = await resume(argument)
            except StopAsyncIteration:
                return
            finally:
                set_current(previous)
            try:
                argument = yield item
                resume = generator.asend
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - it is the generator's
                resume, argument = generator.athrow, error
    finally:
        previous = set_current(context)
        try:
            await generator.aclose()
        finally:
            set_current(previous)
