"""The served application in Starlette."""

from __future__ import annotations

import asyncio

import served_common as common
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse, RedirectResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute

from segment_integrations import Analytics, identify, reset, set_user, track
from segment_integrations.starlette import SegmentMiddleware


async def page(request):
    number = request.path_params["number"]
    headers = common.accepted(track("Viewed", {"n": number}))
    return HTMLResponse(f"<p>{number}", headers=headers)


def who(request):
    user = request.path_params["user"]
    set_user(user)
    track("Who", {"user": user})
    return HTMLResponse(f"<p>{user}")


async def awho(request):
    await asyncio.sleep(0)
    return who(request)


async def anybody(request):
    track("Anybody")
    return HTMLResponse("<p>anybody")


async def login(request):
    request.session["user_id"] = "7"
    identify("7")
    track("In")
    return RedirectResponse("/me", 303)


async def me(request):
    track("Me")
    return HTMLResponse("<p>me")


async def logout(request):
    request.session.clear()
    reset()
    track("Out")
    return RedirectResponse("/", 303)


async def stream(request):
    async def produce():
        yield common.FIRST
        yield await asyncio.to_thread(common.wait_released) + common.LAST
        track("Streamed")

    return StreamingResponse(produce(), media_type="text/html")


async def wide(request):
    return HTMLResponse(common.WIDE)


async def broken(request):
    raise RuntimeError(request.url.path)


async def old(request):
    return RedirectResponse("/page/1", 301)


async def later(request):
    set_user("later-user")
    return HTMLResponse("<p>", background=BackgroundTask(track, "Later"))


async def socket(websocket):
    await websocket.accept()
    set_user("socket-user")
    while (text := await websocket.receive_text()) != "end":
        track("Said", {"text": text})
        await websocket.send_text(text.upper())
    await websocket.close()


ROUTES = [
    Route("/page/{number:int}", page),
    Route("/who/{user}", who),
    Route("/awho/{user}", awho),
    Route("/anybody", anybody),
    Route("/login", login, methods=["POST"]),
    Route("/me", me),
    Route("/logout", logout, methods=["POST"]),
    Route("/stream", stream),
    Route("/wide", wide),
    Route("/broken", broken),
    Route("/old", old),
    Route("/later", later),
    WebSocketRoute("/socket", socket),
    Mount("/in/{a}", routes=[Route("/{b}", anybody)]),
]


def make():
    app = Starlette(routes=ROUTES)
    app.add_middleware(SessionMiddleware, secret_key="a" * 32)
    return app


def with_ours():
    app = make()
    app.add_middleware(SegmentMiddleware, analytics=Analytics())
    return app


app = common.beside_asgi(with_ours(), make())
