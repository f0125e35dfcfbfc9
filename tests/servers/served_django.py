"""The served application in Django, for WSGI and ASGI servers."""

from __future__ import annotations

import asyncio

import django
import served_common as common
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.http import (
    HttpResponse,
    HttpResponsePermanentRedirect,
    StreamingHttpResponse,
)
from django.http import HttpResponseRedirect as Redirect
from django.urls import path

from segment_integrations import set_user, track

OURS = "segment_integrations.django.middleware.SegmentMiddleware"
MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]

settings.configure(
    SECRET_KEY="a" * 50,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    AUTHENTICATION_BACKENDS=[f"{__name__}.Users"],
    LOGGING_CONFIG=None,
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "segment_integrations.django",
    ],
)
django.setup()
user_logged_in.disconnect(dispatch_uid="update_last_login")  # there is no database

from django.contrib import auth  # noqa: E402 - needs the apps


class Users:
    """Everybody is known, without a database."""

    def get_user(self, user_id):
        return auth.get_user_model()(pk=user_id, username=f"user-{user_id}")


def page(request, number):
    headers = common.accepted(track("Viewed", {"n": number}))
    return HttpResponse(f"<p>{number}", headers=headers)


def who(request, user):
    set_user(user)
    track("Who", {"user": user})
    return HttpResponse(f"<p>{user}")


async def awho(request, user):
    await asyncio.sleep(0)
    return who(request, user)


def anybody(request):
    track("Anybody")
    return HttpResponse("<p>anybody")


def login(request):
    auth.login(request, Users().get_user(7), f"{__name__}.Users")
    track("In")
    return Redirect("/me")


def me(request):
    track("Me")
    return HttpResponse("<p>me")


def logout(request):
    auth.logout(request)
    track("Out")
    return Redirect("/")


def stream(request):
    return StreamingHttpResponse(common.chunks())


async def astream(request):
    async def produce():
        yield common.FIRST
        yield await asyncio.to_thread(common.wait_released) + common.LAST

    return StreamingHttpResponse(produce())


def wide(request):
    return HttpResponse(common.WIDE)


def broken(request):
    raise RuntimeError(request.path)


def old(request):
    return HttpResponsePermanentRedirect("/page/1")


def routes(streamed):
    return [
        path("page/<int:number>", page),
        path("who/<user>", who),
        path("awho/<user>", awho),
        path("anybody", anybody),
        path("login", login),
        path("me", me),
        path("logout", logout),
        path("stream", streamed),
        path("wide", wide),
        path("broken", broken),
        path("old", old),
    ]


urlpatterns = routes(stream)


def sync_only(get_response):
    """A middleware that knows no async."""

    def serve(request):
        return get_response(request)

    return serve


def made(handler, *innermost):
    """The application with us, and its twin without."""
    settings.MIDDLEWARE = [*MIDDLEWARE, OURS, *innermost]
    ours = handler()
    settings.MIDDLEWARE = [*MIDDLEWARE, *innermost]
    return ours, handler()
