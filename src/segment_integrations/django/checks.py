"""The system checks: what `manage.py check` and `runserver` say about the set-up."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.utils.module_loading import import_string

from segment_integrations.django import config
from segment_integrations.errors import ConfigurationError

MIDDLEWARE: Final = "segment_integrations.django.middleware.SegmentMiddleware"
SESSION: Final = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION: Final = "django.contrib.auth.middleware.AuthenticationMiddleware"
FETCH: Final = "django.middleware.cache.FetchFromCacheMiddleware"


def check_settings(**_: Any) -> list[CheckMessage]:
    """E001: a wrong setting. W001: no write key."""
    try:
        settings = config.at_start()
    except ConfigurationError as error:
        return [Error(str(error), id="segment_integrations.E001")]
    if not config.lacks_key(settings):
        return []
    return [
        CheckWarning(
            f"{config.MISSING_KEY}.",
            hint=f"Set {config.spell('write_key')} to the write key of your source, or"
            ' switch off with SEGMENT = {"ENABLED": False}.',
            id="segment_integrations.W001",
        )
    ]


def check_middleware(**_: Any) -> list[CheckMessage]:
    """W002: nobody is signed in where ours stands. W003: cached pages pass it by."""
    listed = list(django_settings.MIDDLEWARE)
    own = _position(listed, MIDDLEWARE)
    if own is None:
        return []
    found: list[CheckMessage] = []
    missing = [
        name.rpartition(".")[2]
        for name in (SESSION, AUTHENTICATION)
        if (position := _position(listed, name)) is None or position > own
    ]
    if missing and not _brings_users():
        found.append(
            CheckWarning(
                f"SegmentMiddleware does not come after {' and '.join(missing)}, so"
                " its events may not say who is signed in.",
                hint="Put it directly after AuthenticationMiddleware in MIDDLEWARE, or"
                f" say who is signed in with {config.spell('user')}.",
                id="segment_integrations.W002",
            )
        )
    fetch = _position(listed, FETCH)
    if fetch is not None and fetch < own:
        found.append(
            CheckWarning(
                "SegmentMiddleware comes after FetchFromCacheMiddleware, so pages out"
                " of the cache are not counted.",
                hint="Put it before FetchFromCacheMiddleware in MIDDLEWARE.",
                id="segment_integrations.W003",
            )
        )
    return found


def _position(listed: list[str], path: str) -> int | None:
    """Where *path*, or a class made from it, stands in *listed*."""
    if path in listed:
        return listed.index(path)
    wanted = _imported(path)
    if not isinstance(wanted, type):
        return None
    for index, one in enumerate(listed):
        candidate = _imported(one)
        if isinstance(candidate, type) and issubclass(candidate, wanted):
            return index
    return None


def _imported(path: str) -> object:
    """What *path* names; None where it fails, as Django's without their app do."""
    try:
        found: object = import_string(path)
    except (ImportError, RuntimeError):
        return None
    return found


def _brings_users() -> bool:
    """True where the application tells who is signed in by a callable of its own."""
    try:
        return config.resolve().user is not None
    except ConfigurationError:
        return False  # E001 says so
