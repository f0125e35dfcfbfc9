"""The served application in FastAPI: Starlette's views, behind an included router."""

from __future__ import annotations

import served_common as common
import served_starlette as views
from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse
from starlette.middleware.sessions import SessionMiddleware

from segment_integrations import Analytics, set_user, track
from segment_integrations.fastapi import SegmentMiddleware

router = APIRouter()


@router.get("/page/{number}")
async def page(number: int):
    headers = common.accepted(track("Viewed", {"n": number}))
    return HTMLResponse(f"<p>{number}", headers=headers)


@router.get("/who/{user}", response_class=HTMLResponse)
def who(user: str):
    set_user(user)
    track("Who", {"user": user})
    return f"<p>{user}"


def make():
    app = FastAPI()
    app.include_router(router)
    app.router.routes.extend(views.ROUTES[2:])
    app.add_middleware(SessionMiddleware, secret_key="a" * 32)
    return app


def with_ours():
    app = make()
    app.add_middleware(SegmentMiddleware, analytics=Analytics())
    return app


app = common.beside_asgi(with_ours(), make())
