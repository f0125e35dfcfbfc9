"""What each option of segment-analytics-python's client is among our settings."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from segment.analytics import Client as Theirs

from segment_integrations.client import Analytics
from segment_integrations.errors import ConfigurationError, DeliveryError

DEFAULTS: Final = Theirs.DefaultConfig

OPTION_NAMES: Final = tuple(inspect.signature(Theirs.__init__).parameters)[1:]
"""Their options in their order; which there are depends on their version."""

RENAMED: Final = {
    "upload_size": "flush_at",
    "upload_interval": "flush_interval",
    "max_total_backoff_duration": "max_age",
    "proxies": "proxy",
}
"""Options that are settings of ours under another name."""

DEFAULT_HOST: Final = "https://api.segment.io"

IGNORED: Final = {
    "max_retries": "a batch is given up by age, never by count",
    "max_rate_limit_duration": "the wait that an answer asks for counts in the age",
    "thread": "one request is in flight at a time, so that the order stays",
}
"""Options without a counterpart, and why that is no loss."""

OAUTH: Final = ("oauth_client_id", "oauth_client_key", "oauth_key_id")

logger = logging.getLogger("segment_integrations")


def make_analytics(options: Mapping[str, Any], own: Mapping[str, Any]) -> Analytics:
    """
    The engine for the *options* of a client.

    `host=None` leaves the host to ``SEGMENT_HOST``; every other option has its own
    default, not ours.

    Args:
        options: All of them, by name.
        own: Settings of ours, which win.

    Raises:
        ConfigurationError: One of them means something that our engine does not do.
    """
    if all(options[name] for name in OAUTH):
        raise ConfigurationError(
            "oauth_client_id: our delivery has no OAuth; leave the oauth options out,"
            " or keep segment-analytics-python's own client and deliver through it with"
            " AnalyticsPythonSink",
            setting="oauth_client_id",
        )
    if options.get("max_total_backoff_duration") == 0:
        raise ConfigurationError(
            "max_total_backoff_duration=0: our delivery tries again; give the seconds"
            " after which a batch is given up",
            setting="max_total_backoff_duration",
        )
    ignored = [
        f"{name} ({why})"
        for name, why in IGNORED.items()
        if name in options and options[name] != getattr(DEFAULTS, name)
    ]
    if ignored:
        logger.warning(
            "options of analytics-python without effect: %s", "; ".join(ignored)
        )
    host = options["host"] or None
    settings = {
        "write_key": options["write_key"],
        "host": host,
        "gzip": bool(options["gzip"]),
        "timeout": options["timeout"],
        "proxy": _proxy(options["proxies"], host or DEFAULT_HOST),
        "on_error": _hook(options["on_error"]),
        "flush_at": options["upload_size"],
        "flush_interval": options["upload_interval"],
        "max_age": options.get("max_total_backoff_duration"),
    }
    try:
        return Analytics(**{**settings, **own})
    except ConfigurationError as error:
        for option, setting in RENAMED.items():
            if setting == error.setting and setting not in own:
                raise ConfigurationError(f"{option}: {error}", setting=option) from None
        raise


def _proxy(proxies: object, host: str) -> str | None:
    """The one of *proxies* that requests would take for *host*."""
    if not proxies:
        return None
    if not isinstance(proxies, Mapping):
        raise ConfigurationError(
            f"proxies must be a dict, got {type(proxies).__name__}", setting="proxies"
        )
    target = urlsplit(host)
    for key in (
        f"{target.scheme}://{target.hostname}",
        target.scheme,
        f"all://{target.hostname}",
        "all",
    ):
        found = proxies.get(key)
        if found:
            return found if "://" in found else f"http://{found}"
    return None


def _hook(on_error: object) -> Callable[[DeliveryError], object] | None:
    """*on_error* as ours, which has the messages in the error."""
    if not on_error:
        return None
    if not callable(on_error):
        raise ConfigurationError(
            f"on_error must be callable, got {type(on_error).__name__}",
            setting="on_error",
        )
    return lambda error: on_error(error, list(error.messages))
