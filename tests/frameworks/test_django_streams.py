"""Streamed responses of Django."""

import asyncio
import gc

import pytest
from asgiref.sync import async_to_sync
from django.http import FileResponse, StreamingHttpResponse

from segment_integrations import current
from segment_integrations.core.current import RequestContext
from segment_integrations.django.streaming import carry

pytestmark = pytest.mark.django_db


def body_of(response):
    if not response.is_async:
        return list(response.streaming_content)

    async def collected():
        return [part async for part in response.streaming_content]

    return async_to_sync(collected)()


def names(events):
    return [(one["event"], one.get("anonymousId")) for one in events.tracks]


PATHS = [("wsgi", "/streams"), ("asgi", "/astreams")]


@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_dj11_stream_is_untouched(request, segment_events, kind, path):
    """DJ-11: A streamed body is neither read nor changed, and its page is counted."""
    browser = request.getfixturevalue(kind)
    response = browser.get(path)
    assert ["page"] == [one["type"] for one in segment_events]
    assert [b"one", b"two"] == body_of(response)
    response.close()


@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_dj11_stream_context(request, settings, segment_events, kind, path):
    """DJ-11: With `STREAM_CONTEXT` each step of the body has its request's identity."""
    settings.SEGMENT = {"STREAM_CONTEXT": True}
    response = request.getfixturevalue(kind).get(path)
    assert (kind == "asgi") is response.is_async
    assert ["page"] == [one["type"] for one in segment_events]
    assert [b"one", b"two"] == body_of(response)
    response.close()
    assert [("Step", "visitor-0001"), ("Closed", "visitor-0001")] == names(
        segment_events
    )
    assert current() is None


def test_dj11_close_is_forwarded(wsgi, settings, segment_events):
    """DJ-11: A body that is closed early ends with its request's identity."""
    settings.SEGMENT = {"STREAM_CONTEXT": True}
    response = wsgi.get("/streams")
    assert b"one" == next(iter(response.streaming_content))
    response.close()
    assert [("Step", "visitor-0001"), ("Closed", "visitor-0001")] == names(
        segment_events
    )


def test_dj11_aclose_is_forwarded(asgi, settings, segment_events):
    """DJ-11: The same of an async body."""
    settings.SEGMENT = {"STREAM_CONTEXT": True}
    response = asgi.get("/astreams")

    async def first():
        content = response._iterator
        assert b"one" == await anext(content)
        await content.aclose()
        # The test client and Django put generators around it, which end only when
        # they are collected, each in a task of the loop.
        del content
        response._iterator = None
        for _ in range(20):
            if len(segment_events.tracks) > 1:
                break
            gc.collect()
            await asyncio.sleep(0)

    async_to_sync(first)()
    response.close()
    assert [("Step", "visitor-0001"), ("Closed", "visitor-0001")] == names(
        segment_events
    )


def test_dj11_exceptions_pass(wsgi, settings, segment_events):
    """DJ-11: What the body raises comes out of it."""
    settings.SEGMENT = {"STREAM_CONTEXT": True}
    response = wsgi.get("/streams-a-failure")
    with pytest.raises(ValueError, match="in the body"):
        body_of(response)
    response.close()


def test_dj11_unstarted_body_is_closed():
    """DJ-11: A body that nobody began to read is closed all the same."""

    class Body:
        closed = 0

        def __iter__(self):
            return iter([b"x"])

        def close(self):
            self.closed += 1

    body = Body()
    response = StreamingHttpResponse(body)
    carry(RequestContext(None), response)
    response.close()
    assert 1 == body.closed


def test_dj11_files_are_left_to_the_server(tmp_path):
    """DJ-11: A file's response stays one that the server may send by itself."""
    path = tmp_path / "file.txt"
    path.write_text("text")
    response = FileResponse(path.open("rb"))
    before = response.file_to_stream
    carry(RequestContext(None), response)
    assert before is response.file_to_stream
    response.close()
