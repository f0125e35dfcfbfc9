"""
One trivial application in each framework, and a driver that calls it in this process.

No socket is used: what is measured is the framework and what was added to it. The
application is the same everywhere: ``/items/{item}`` answers a short HTML text, and
``/api/{item}`` a short JSON one.
"""

import asyncio
import importlib
import io
import os
import tempfile
from pathlib import Path

PAGE = "<!doctype html><title>Item</title><h1>Item</h1>"
DATA = {"item": "42", "price": 19.99}
PATHS = {"page": "/items/", "fetch": "/items/", "api": "/api/"}
ANONYMOUS = "b1946ac9-2492-4d23-9b1c-6a3f5f1a9d3c"
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36"
)
COMMON = {
    "host": "shop.example",
    "user-agent": AGENT,
    "accept-language": "en-US,en;q=0.9",
    "accept-encoding": "gzip, deflate, br",
    "cookie": f"ajs_anonymous_id={ANONYMOUS}",
}
HEADERS = {
    "fetch": COMMON
    | {"accept": "*/*", "sec-fetch-dest": "empty", "sec-fetch-mode": "cors"},
    "page": COMMON
    | {
        "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "sec-fetch-dest": "document",
        "sec-fetch-mode": "navigate",
        "referer": "https://search.example/results?q=items",
    },
}
HEADERS["api"] = HEADERS["fetch"]
"""
A person's navigation, and two requests of a script, which make no event: for a part of
a page, and for data.
"""


def with_session(headers):
    """The same with Django's cookie of somebody who is signed in."""
    cookie = f"{headers['cookie']}; sessionid={os.environ['BENCH_SESSION']}"
    return {**headers, "cookie": cookie}


def headers_of(kind):
    name, _, session = kind.partition("+")
    return with_session(HEADERS[name]) if session else HEADERS[name]


def path_of(kind, number):
    """Of 5,000 items one after the other, so that no memory of paths is flattered."""
    return f"{PATHS[kind.partition('+')[0]]}{number % 5_000}"


class Asgi:
    """Calls an ASGI application over and over in one event loop."""

    def __init__(self, app):
        self.app = app

    def serve(self, kind, count):
        asyncio.run(self._serve(kind, count, headers_of(kind)))

    async def _serve(self, kind, count, headers):
        raw = [(k.encode(), v.encode()) for k, v in headers.items()]
        done = {"type": "http.request", "body": b"", "more_body": False}
        statuses = set()
        is_read = False
        never = asyncio.Event()

        async def receive():
            nonlocal is_read
            if is_read:  # Django waits for the end of the connection beside its view
                await never.wait()
            is_read = True
            return done

        async def send(message):
            if message["type"] == "http.response.start":
                statuses.add(message["status"])

        app = self.app
        for number in range(count):
            is_read = False
            path = path_of(kind, number)
            scope = {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.3"},
                "http_version": "1.1",
                "method": "GET",
                "scheme": "http",
                "path": path,
                "raw_path": path.encode(),
                "query_string": b"",
                "root_path": "",
                "headers": raw.copy(),
                "client": ("203.0.113.9", 50123),
                "server": ("127.0.0.1", 8000),
                "state": {},
            }
            await app(scope, receive, send)
        if statuses != {200}:
            raise RuntimeError(f"{kind}: the application answered {statuses}")


class Wsgi:
    """Calls a WSGI application over and over."""

    def __init__(self, app):
        self.app = app

    def serve(self, kind, count):
        statuses = set()

        def start_response(status, headers, exc_info=None):
            statuses.add(status[:3])

        base = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "203.0.113.9",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **{
                "HTTP_" + name.upper().replace("-", "_"): value
                for name, value in headers_of(kind).items()
            },
        }
        for number in range(count):
            environ = {**base, "PATH_INFO": path_of(kind, number)}
            body = self.app(environ, start_response)
            for _chunk in body:
                pass
            if hasattr(body, "close"):
                body.close()
        if statuses != {"200"}:
            raise RuntimeError(f"{kind}: the application answered {statuses}")


def starlette(around):
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse, JSONResponse
    from starlette.routing import Route

    async def page(request):
        around.view()
        return HTMLResponse(PAGE)

    async def data(request):
        around.view()
        return JSONResponse(DATA)

    app = Starlette(routes=[Route("/items/{item}", page), Route("/api/{item}", data)])
    return Asgi(around.starlette(app) or app)


def fastapi(around):
    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse

    app = FastAPI()

    @app.get("/items/{item}", response_class=HTMLResponse)
    async def page(item: str) -> HTMLResponse:
        around.view()
        return HTMLResponse(PAGE)

    @app.get("/api/{item}")
    async def data(item: str) -> dict[str, object]:
        around.view()
        return DATA

    return Asgi(around.fastapi(app) or app)


def litestar(around):
    import litestar

    @litestar.get("/items/{item:str}", media_type="text/html")
    async def page(item: str) -> str:
        around.view()
        return PAGE

    @litestar.get("/api/{item:str}")
    async def data(item: str) -> dict[str, object]:
        around.view()
        return DATA

    return Asgi(around.litestar([page, data]))


def quart(around):
    from quart import Quart

    app = Quart("bench")

    @app.get("/items/<item>")
    async def page(item):
        around.view()
        return PAGE

    @app.get("/api/<item>")
    async def data(item):
        around.view()
        return DATA

    return Asgi(around.quart(app) or app)


def flask(around):
    from flask import Flask

    app = Flask("bench")

    @app.get("/items/<item>")
    def page(item):
        around.view()
        return PAGE

    @app.get("/api/<item>")
    def data(item):
        around.view()
        return DATA

    return Wsgi(around.flask(app) or app)


DJANGO = {
    "ALLOWED_HOSTS": ["*"],
    "SECRET_KEY": "benchmark",
    "ROOT_URLCONF": "overhead_urls",
    "INSTALLED_APPS": [
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sessions",
    ],
    "MIDDLEWARE": [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    "USE_TZ": True,
}


def django(around, *, is_async):
    import django
    from django.conf import settings
    from django.core.management import call_command

    folder = tempfile.mkdtemp(prefix="overhead-")
    database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(Path(folder) / "bench.db"),
    }
    options = around.django({**DJANGO, "DATABASES": {"default": database}})
    settings.configure(**options)
    django.setup()
    urls = importlib.import_module("overhead_urls")
    urls.around, urls.is_async = around, is_async
    urls.urlpatterns[:] = urls.patterns()
    call_command("migrate", verbosity=0)
    os.environ["BENCH_SESSION"] = urls.session()
    around.django_ready()
    if is_async:
        from django.core.asgi import get_asgi_application

        return Asgi(around.django_app(get_asgi_application()))
    from django.core.wsgi import get_wsgi_application

    return Wsgi(around.django_app(get_wsgi_application()))


FRAMEWORKS = {
    "starlette": starlette,
    "fastapi": fastapi,
    "flask": flask,
    "django-wsgi": lambda around: django(around, is_async=False),
    "django-asgi": lambda around: django(around, is_async=True),
    "litestar": litestar,
    "quart": quart,
}
