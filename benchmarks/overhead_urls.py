"""The Django application of `overhead_apps.py`, and somebody's session in it."""

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpResponse, JsonResponse
from django.urls import path
from overhead_apps import DATA, PAGE

around = None
is_async = False
urlpatterns = []


def page(request, item):
    around.view()
    return HttpResponse(PAGE)


def data(request, item):
    around.view()
    return JsonResponse(DATA)


async def apage(request, item):
    return page(request, item)


async def adata(request, item):
    return data(request, item)


def patterns():
    views = (apage, adata) if is_async else (page, data)
    return [path("items/<item>", views[0]), path("api/<item>", views[1])]


def session():
    """The session key of a user who is signed in."""
    from django.contrib.auth import get_user_model
    from django.contrib.sessions.backends.db import SessionStore

    user = get_user_model().objects.create_user("ada")
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    return store.session_key
