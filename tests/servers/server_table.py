"""
Which servers there are, which applications, and which serves which.

A new framework is a module here and a line in `APPS`; a new server is a line in
`SERVERS`.
"""

from __future__ import annotations

from dataclasses import dataclass

ADDRESS = "127.0.0.1:{port}"
GUNICORN = ["gunicorn", "--bind", ADDRESS, "--preload", "-w", "2"]


@dataclass(frozen=True)
class Server:
    """
    A server.

    Args:
        command: What ``python -m`` is given, before the application.
        serves: "asgi" or "wsgi".
        warnings: As in ``PYTHONWARNINGS``.
        has_loops: Django's async views can be served at once; in greenlets of one
            thread they can not, with or without us (asgiref refuses).
    """

    command: list[str]
    serves: str
    warnings: str = "error"
    has_loops: bool = True


@dataclass(frozen=True)
class App:
    """
    An application.

    Args:
        module: The module that has it as `app`.
        serves: "asgi" or "wsgi".
        behind: The one server that serves it; none is all of its kind.
        has_sockets: It has websockets and background tasks.
        streams_events: An event in a streamed body is the request's.
    """

    module: str
    serves: str
    behind: str | None = None
    has_sockets: bool = False
    streams_events: bool = True


SERVERS = {
    "uvicorn": Server(["uvicorn", "--port", "{port}", "--no-access-log"], "asgi"),
    "hypercorn": Server(["hypercorn", "--bind", ADDRESS], "asgi"),
    "gunicorn-uvicorn": Server(
        [*GUNICORN, "-k", "uvicorn_worker.UvicornWorker"], "asgi"
    ),
    "gunicorn-sync": Server([*GUNICORN, "-k", "sync"], "wsgi"),
    "gunicorn-gthread": Server([*GUNICORN, "-k", "gthread", "--threads", "4"], "wsgi"),
    # It warns that it patches late, as it must with ``--preload``.
    "gunicorn-gevent": Server(
        [*GUNICORN, "-k", "gevent"], "wsgi", warnings="default", has_loops=False
    ),
}
APPS = {
    "starlette": App("served_starlette", "asgi", has_sockets=True),
    "fastapi": App("served_fastapi", "asgi", has_sockets=True),
    "django-asgi": App("served_django_asgi", "asgi", streams_events=False),
    # With a sync-only middleware, around which ours runs in a thread.
    "django-asgi-sync": App(
        "served_django_sync", "asgi", "gunicorn-uvicorn", streams_events=False
    ),
    "django-wsgi": App("served_django_wsgi", "wsgi", streams_events=False),
    "flask": App("served_flask", "wsgi"),
}
PAIRS = [
    (server, app)
    for server, one in SERVERS.items()
    for app, other in APPS.items()
    if one.serves == other.serves and other.behind in {None, server}
]
