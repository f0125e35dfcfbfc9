"""The site: its lifespan, its middleware, its handlers, and what is mounted in it."""

from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Host, Mount, Route, Router

from fastapi_app.routers import HERE, RefusedError, items, pages, tenants


class Copying:
    """Hands on a copy of the scope, as some middleware does."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app({**scope}, receive, send)


async def closed(request, call_next):
    """Answers by itself while the site is closed, and times what it hands on."""
    if "x-closed" in request.headers:
        return PlainTextResponse("closed", 503)
    response = await call_next(request)
    response.headers["x-site"] = "things"
    return response


@asynccontextmanager
async def lifespan(app):
    app.state.log = ["up"]
    yield {"greeting": "hello"}
    app.state.log.append("down")


def admin():
    """An application of its own, mounted at /admin."""
    app = FastAPI(title="Admin")

    @app.get("/users/{user_id}", response_class=HTMLResponse)
    def user(request: Request, user_id: int):
        return f"<p>{user_id} {request.scope['root_path']}"

    @app.get("/broken")
    def broken():
        raise KeyError("admin")

    @app.exception_handler(404)
    async def none(request, error):
        return PlainTextResponse("no such admin", 404)

    return app


async def deep(request):
    return HTMLResponse(f"<p>{request.path_params}")


def create_app():
    app = FastAPI(lifespan=lifespan)
    app.include_router(pages)
    app.include_router(items)
    app.include_router(tenants)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.mount("/admin", admin())
    inner = Router([Route("/deep/{b}", deep)])
    app.router.routes.append(Mount("/m/{a}", routes=[Mount("/in", app=inner)]))
    app.router.routes.append(Host("other.example", app=inner))

    @app.exception_handler(RefusedError)
    async def refused(request, error):
        return JSONResponse({"error": str(error)}, 409)

    @app.exception_handler(RequestValidationError)
    async def invalid(request, error):
        fields = [".".join(map(str, one["loc"])) for one in error.errors()]
        return JSONResponse({"fields": fields}, 422)

    @app.exception_handler(500)
    async def failed(request, error):
        return HTMLResponse(f"<h1>Sorry: {type(error).__name__}</h1>", 500)

    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(Copying)
    app.add_middleware(BaseHTTPMiddleware, dispatch=closed)
    app.add_middleware(SessionMiddleware, secret_key="a-strangers-secret")
    app.add_middleware(
        CORSMiddleware, allow_origins=["https://other.example"], allow_methods=["*"]
    )
    app.add_middleware(
        TrustedHostMiddleware, allowed_hosts=["testserver", "other.example"]
    )
    return app


def make():
    """What the server serves."""
    return create_app()
