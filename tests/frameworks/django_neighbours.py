"""A middleware and a session engine that stand next to ours in tests."""

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpResponse

from segment_integrations import track


class SyncOnly:
    """Knows nothing of async."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


class SessionStore(SessionBase):
    """Can not be read."""

    def load(self):
        raise OSError("the store is down")

    async def aload(self):
        raise OSError("the store is down")


class Tracks:
    """Sends an event before the view is known."""

    sync_capable = async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        track("Early")
        return self.get_response(request)


class Cached:
    """Answers in the place of the view, as a cache does."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return HttpResponse("cached")


class OwnAuthentication(AuthenticationMiddleware):
    """An application's own, made from Django's."""


def stamp(message):
    """A processor."""
    return {**message, "properties": {"stamped": True}}
