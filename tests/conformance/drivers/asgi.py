"""An ASGI application without a framework: a function in our middleware."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from drivers import starlette
from drivers.plain import header_pairs, matched, pieces
from drivers.sharing import Built, reply_of
from neutral import Routes, Seen, wants_loop

from segment_integrations.asgi import SegmentMiddleware
from segment_integrations.client import Analytics


def application(routes: Routes) -> Any:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        view, params = matched(routes, scope["path"])
        # The views read headers by their usual names.
        headers = {n.decode().title(): v.decode() for n, v in scope["headers"]}
        seen = Seen(params, {}, SimpleNamespace(headers=headers))
        if wants_loop(view, is_async=True):
            reply = await reply_of(view(seen))
        else:
            reply = await asyncio.to_thread(view, seen)
        raw = [
            (n.lower().encode(), v.encode("latin-1")) for n, v in header_pairs(reply)
        ]
        start = {"type": "http.response.start", "status": reply.status, "headers": raw}
        await send(start)
        for one in pieces(reply, scope["method"]):
            await send({"type": "http.response.body", "body": one, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return serve


class App(Built, starlette.App):
    """The app; its clients are Starlette's, which take any ASGI app."""

    def made(self, routes: Routes, *, is_async: bool) -> Any:
        return application(routes)

    def install(self, analytics: Analytics, *, twice: bool) -> None:
        for _ in range(1 + twice):
            self.app = SegmentMiddleware(self.app, analytics)
