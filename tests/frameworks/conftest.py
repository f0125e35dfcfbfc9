"""Sets Django up for the tests of this folder; other frameworks need nothing."""

import django
import django_project
import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import AsyncClient, Client

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
