"""What drivers share: how a view is dressed, what sends requests, and to what."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import httpx
from neutral import ALL_METHODS, Answer, Ask, Reply, Routes, View, angled

from segment_integrations.client import Analytics

Serve = TypeVar("Serve", bound=Callable[..., Any])


def dressed(serve: Serve, view: View) -> Serve:
    """*serve* with the name and the marks of the *view* that it serves."""
    serve.__dict__.update(view.__dict__)
    serve.__name__ = view.__name__
    return serve


async def reply_of(found: Reply | Awaitable[Reply]) -> Reply:
    """What a view gives, which may be awaited."""
    return await found if inspect.isawaitable(found) else found


def raw_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as httpx takes them: each character is one byte."""
    return [(n.encode(), v.encode("latin-1")) for n, v in headers.items()]


def without_defaults(client: httpx.Client | httpx.AsyncClient) -> None:
    """Leave out the headers that no test has asked for."""
    for name in ("accept", "accept-encoding", "user-agent"):
        del client.headers[name]


def answer(response: Any) -> Answer:
    """What httpx has received."""
    headers = [
        (name.decode().lower(), value.decode("latin-1"))
        for name, value in response.headers.raw
    ]
    return Answer(response.status_code, headers, response.content)


class Built:
    """An application of `made`, where ours comes in by `install`."""

    analytics: Analytics | None
    app: Any

    def __init__(
        self,
        routes: Routes,
        *,
        is_async: bool,
        analytics: Analytics | None,
        twice: bool = False,
    ) -> None:
        self.analytics = analytics
        self.app = self.made(routes, is_async=is_async)
        if analytics is not None:
            self.install(analytics, twice=twice)

    def made(self, routes: Routes, *, is_async: bool) -> Any:
        raise NotImplementedError

    def install(self, analytics: Analytics, *, twice: bool) -> None:
        raise NotImplementedError


class InThreads:
    """Sends many requests at once from threads."""

    send: Callable[[Ask], Answer]

    def send_all(self, asks: Sequence[Ask]) -> list[Answer]:
        with ThreadPoolExecutor(32) as pool:
            return list(pool.map(self.send, asks))


class OverASGI:
    """Sends requests to an ASGI application, many at once from one loop."""

    app: Any

    async def asend(self, ask: Ask) -> Answer:
        transport = httpx.ASGITransport(self.app, client=(ask.peer, 50_000))
        async with httpx.AsyncClient(
            transport=transport, base_url=f"{ask.scheme}://testserver"
        ) as client:
            without_defaults(client)
            return answer(
                await client.request(
                    ask.method, ask.path, headers=raw_headers(ask.headers)
                )
            )

    def send(self, ask: Ask) -> Answer:
        return asyncio.run(self.asend(ask))

    def send_all(self, asks: Sequence[Ask]) -> list[Answer]:
        async def gathered() -> list[Answer]:
            return await asyncio.gather(*(self.asend(one) for one in asks))

        return asyncio.run(gathered())


# -- Flask and Quart, which is written after it ---------------------------------------


class _Response(Protocol):
    headers: Any


Made = TypeVar("Made", bound=_Response)


def flask_response(kind: Callable[[Any, int], Made], reply: Reply) -> Made:
    """A response of the *kind* with the headers that it is given."""
    content = reply.body if reply.chunks is None else iter(reply.chunks)
    response = kind(content, reply.status)
    response.headers.pop("Content-Type", None)
    for name, value in reply.headers:
        response.headers.add(name, value)
    return response


def flask_app(
    kind: Callable[..., Any], routes: Routes, endpoint: Callable[[View], Any]
) -> Any:
    """An application of the *kind* whose rules lead to endpoints of the views."""
    app = kind("conformance", static_folder=None)
    app.secret_key = "a" * 32
    for path, view in routes.items():
        app.add_url_rule(
            angled(path),
            f"{view.__name__}_{path}".replace(".", "_"),
            endpoint(view),
            methods=list(ALL_METHODS),
        )
    return app
