"""
Lets the body of a streamed response run with its request's context.

Two of the response's internals are read here (Django 4.2 to 6.0): the iterator that it
was given, and what it closes at its end. Without them only a bound close is missing.
"""

from __future__ import annotations

from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any

from django.http import FileResponse, StreamingHttpResponse

from segment_integrations.core.steps import asteps, steps

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable

    from django.http.response import HttpResponseBase

    from segment_integrations.core.current import RequestContext


def carry(context: RequestContext, response: HttpResponseBase) -> None:
    """
    Bind *context* in each step of *response*'s body, if it is streamed.

    A file is left alone: no code of the application runs in it, and the server may
    send it by itself.
    """
    if not isinstance(response, StreamingHttpResponse) or isinstance(
        response, FileResponse
    ):
        return
    content: Any = response.streaming_content
    given = getattr(response, "_iterator", None)
    if response.is_async:
        response.streaming_content = asteps(context, _aitems(content, given))
        return
    response.streaming_content = steps(context, _items(content, given))
    closers = getattr(response, "_resource_closers", None)
    if closers:
        # Ours was added last; first, the body's own end runs with the context bound.
        closers.insert(0, closers.pop())


def _items(content: Iterable[Any], given: object) -> Generator[Any, Any, None]:
    try:
        yield from content
    finally:
        if isinstance(given, GeneratorType):
            given.close()


async def _aitems(
    content: AsyncIterable[Any], given: object
) -> AsyncGenerator[Any, None]:
    try:
        async for item in content:
            yield item
    finally:
        if isinstance(given, AsyncGeneratorType):
            await given.aclose()
