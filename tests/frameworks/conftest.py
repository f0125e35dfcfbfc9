"""Sets Django up, which other frameworks need not be; fixtures that many share."""

import django
import django_project
import pytest
from asgi_visits import Recorder, close_opened
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import AsyncClient, Client
from server_programs import Server, environment

from segment_integrations import Analytics
from segment_integrations.dev.server import running
from segment_integrations.testing import BROWSER_HEADERS

# Not by the environment, which processes that tests start would inherit.
settings.configure(
    **{
        name: getattr(django_project, name)
        for name in dir(django_project)
        if name.isupper()
    }
)
django.setup()

ANONYMOUS = "visitor-0001"


class Browser:
    """One browser in front of Django under WSGI or ASGI."""

    def __init__(self, kind):
        self.kind = kind
        self.client = Client() if kind == "wsgi" else AsyncClient()
        self.client.cookies["ajs_anonymous_id"] = ANONYMOUS

    def get(self, path, headers=None, **options):
        headers = {**BROWSER_HEADERS, **(headers or {})}
        return self._send(self.client.get, path, headers=headers, **options)

    def post(self, path, **options):
        return self._send(self.client.post, path, **options)

    def _send(self, send, path, **options):
        if self.kind == "wsgi":
            return send(path, **options)

        # In Django 4.2 the methods of the async client are no coroutine functions.
        async def awaited():
            return await send(path, **options)

        return async_to_sync(awaited)()


@pytest.fixture(params=["wsgi", "asgi"])
def browser(request):
    """A browser in front of Django under each of the two interfaces."""
    return Browser(request.param)


@pytest.fixture
def wsgi():
    """A browser in front of Django under WSGI."""
    return Browser("wsgi")


@pytest.fixture
def asgi():
    """A browser in front of Django under ASGI."""
    return Browser("asgi")


@pytest.fixture
def ada(db):
    """A user."""
    return get_user_model().objects.create_user("ada", password="pw")


@pytest.fixture
def bob(db):
    """Another user."""
    return get_user_model().objects.create_user("bob", password="pw")


@pytest.fixture
def recorder():
    """A sink that keeps what it is given."""
    return Recorder()


@pytest.fixture
def analytics(recorder):
    """A client of the recorder's."""
    with Analytics("k", sink=recorder) as analytics:
        yield analytics


@pytest.fixture
def nothing_left():
    """Close what middlewares make of settings, so that no other test finds it."""
    yield
    close_opened()


@pytest.fixture
def collector():
    """What stands for Segment."""
    with running() as collector:
        yield collector


@pytest.fixture
def serve():
    """Start servers; they are gone when the test is."""
    servers = []

    def start(arguments, **variables):
        variables = {"PYTHONWARNINGS": "error", **variables}
        servers.append(Server(arguments, environment(**variables)))
        return servers[-1]

    yield start
    for server in servers:
        server.end()
