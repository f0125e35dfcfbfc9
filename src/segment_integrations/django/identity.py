"""
Who is signed in, as Django knows it, read without side effects.

What is read of Django's internals is in this file (4.2 to 6.0), and degrades to
"nobody": `_cached_user` and `_acached_user` of `django.contrib.auth.middleware`, the
wrapped object of a `SimpleLazyObject`, and the loaded state of a session.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.utils.functional import SimpleLazyObject, empty

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

    from segment_integrations.core.settings import Settings

SESSION_KEY: Final = "_auth_user_id"
"""Source: `django.contrib.auth.SESSION_KEY`."""

_CACHE: Final = "_session_cache"

LOOKED_UP: Final[dict[str, Any]] = object.__getattribute__(django_settings, "__dict__")
"""Settings that were asked for before, where Django keeps them: asking is dear."""


class Identity:
    """
    Who is signed in, of one request.

    Args:
        request: The request.
        settings: The `identity`, `session_key` and `user` settings are read.
    """

    __slots__ = ("_has_read", "_key", "_mode", "_request", "_seen")

    def __init__(self, request: HttpRequest, settings: Settings) -> None:
        self._request = request
        # A `user` callable is asked instead of us.
        self._mode = settings.identity if settings.user is None else "resolved"
        self._key = settings.session_key or SESSION_KEY
        self._has_read = False
        self._seen: str | None = None

    def detect(self) -> str | None:
        """The user's id; costs at most one query in the life of the request."""
        request = self._request
        user = _resolved_user(request)
        if user is not None:
            found = id_of(user)
            # Nobody, by Django's own users; the application may have its own.
            if found is not None or self._key == SESSION_KEY:
                self._seen = found or self._seen
                return found
        if self._mode == "resolved":
            return None
        session = getattr(request, "session", None)
        if session is None:
            return None
        if _CACHE not in getattr(session, "__dict__", ()):  # it is not loaded
            # The first and the second as `_may_read` has them, for most end here.
            if self._has_read or not sends_session(request) or _is_in_event_loop():
                return None
            self._has_read = True
        with _untouched(session):
            found = _text(session.get(self._key))
        self._seen = found or self._seen
        return found

    def prepare(self) -> None:
        """Before sync code runs: load the user if the settings say so."""
        if self._mode == "eager":
            user = getattr(self._request, "user", None)
            if user is not None:
                _ = user.is_authenticated

    async def aprepare(self) -> None:
        """Before async code runs, which could not read the session or the user."""
        if self._mode == "eager":
            auser = getattr(self._request, "auser", None)
            if auser is not None:
                await auser()
            else:
                await sync_to_async(self.prepare)()
            return
        session = getattr(self._request, "session", None)
        if (
            self._mode == "resolved"
            or session is None
            or _is_loaded(session)
            or not self._may_read()
        ):
            return
        self._has_read = True
        with _untouched(session):
            if hasattr(session, "aget"):  # Django 5.1
                found = await session.aget(self._key)
            else:
                found = await sync_to_async(session.get)(self._key)
        self._seen = _text(found)

    def _may_read(self) -> bool:
        """True once, and where the browser has sent a session."""
        return not self._has_read and sends_session(self._request)

    def replaces(self, user_id: str) -> bool:
        """
        Whether the login of *user_id*, just done, has put somebody else out.

        Django empties the session of another user; one that nobody was signed in to
        is kept and has its new key by now.
        """
        attributes = self._request.__dict__
        for name in ("_cached_user", "_acached_user"):
            self._seen = self._seen or id_of(attributes.get(name))
        if self._seen is not None:
            return self._seen != user_id
        session = getattr(self._request, "session", None)
        return session is not None and getattr(session, "session_key", "") is None


def sends_session(request: HttpRequest) -> bool:
    """Whether the browser has sent a session."""
    cookies = request.COOKIES
    if not cookies:
        return False
    name = LOOKED_UP.get("SESSION_COOKIE_NAME")
    return (name or django_settings.SESSION_COOKIE_NAME) in cookies


def id_of(user: Any) -> str | None:
    """The text of an authenticated *user*'s primary key, else None."""
    if user is None or not getattr(user, "is_authenticated", False):
        return None
    return _text(getattr(user, "pk", None))


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _resolved_user(request: HttpRequest) -> object:
    """The user that this request has loaded already, maybe an `AnonymousUser`."""
    attributes = request.__dict__
    user: Any = attributes.get("user")
    if isinstance(user, SimpleLazyObject):
        # Not by its own way to attributes, which has many steps.
        user = object.__getattribute__(user, "__dict__").get("_wrapped")
        if user is empty:
            user = None
    if user is None:
        user = attributes.get("_cached_user")
    return attributes.get("_acached_user") if user is None else user


def _is_loaded(session: Any) -> bool:
    return _CACHE in getattr(session, "__dict__", ())


def _is_in_event_loop() -> bool:
    """True where a query would block the event loop; Django would refuse it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@contextmanager
def _untouched(session: Any) -> Iterator[None]:
    """
    Read the *session* in the block so that nobody can tell.

    A session that was used makes Django add ``Vary: Cookie``, and one that turns out
    not to exist makes it delete the cookie: then it is as if it had not been loaded.
    """
    state: dict[str, Any] = session.__dict__
    before = dict(state)
    modified, key = session.modified, session.session_key
    try:
        yield
    finally:
        if session.modified != modified or session.session_key != key:
            state.clear()
            state.update(before)
        else:
            session.accessed = before.get("accessed", False)
