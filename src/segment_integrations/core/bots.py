"""
Tells a program's `User-Agent` from a person's browser.

A short list of our own is always there. The long one is that of the package is-crawler,
where it is installed (the extra `bots`): too slow to load on the way of a request, so a
thread loads it when the first page call is decided. docs/page-calls.md has the figures.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from segment_integrations.core.tap import is_test_run

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("segment_integrations")

_CACHED_MAX: Final = 1_024
"""Source: ours; with user agents of at most 512 characters, half a MiB."""

_LOAD_S: Final = 2.0
"""Far more than the list takes to load."""

# What crawlers, previews, monitors and HTTP libraries call themselves. The words stand
# where no browser has them; Cubot, Ruby and Perla are telephones.
_WORDS: Final = re.compile(
    r"(?<!cu)bot(?:\b|_)|crawl|spider|slurp|scrap(?:er|y)|archiver|indexer"
    r"|facebookexternalhit|facebookcatalog|whatsapp/|embedly|skypeuripreview"
    r"|mediapartners|adsbot|feedfetcher|feedburner|bingpreview|google-inspectiontool"
    r"|google-read-aloud|googleother|chrome-lighthouse|lighthouse|pagespeed|gtmetrix"
    r"|apis-google|chatgpt-user|externalagent|health-?check|prometheus/"
    r"|pingdom|uptime|statuscake|site24x7|newrelic|datadog|zabbix|nagios|check_http"
    r"|kube-probe|googlehc|consul health|haproxy|varnish|envoy/hc"
    r"|curl/|wget/|libwww|httpie|python-(?:requests|urllib|httpx)|aiohttp/|urllib3/"
    r"|go-http-client|okhttp/|java/|apache-httpclient|axios/|node-fetch|undici|got \("
    r"|\bruby/|^ruby\b|\bperl\b|(?<!fire)php/|guzzlehttp|postmanruntime|insomnia/"
    r"|phantomjs|w3c_validator"
    r"|scanner|nuclei|nikto|sqlmap|nmap|masscan|zgrab|censys|expanse|probe\b|monitor",
    re.IGNORECASE,
)


@lru_cache(maxsize=_CACHED_MAX)
def known_words(user_agent: str) -> bool:
    """Whether our own list knows *user_agent*."""
    return _WORDS.search(user_agent) is not None


# The long list takes it for a bot.
_TELEPHONE: Final = re.compile("cubot", re.IGNORECASE)


class LongList:
    """
    The package's list, from the moment that it is loaded.

    Args:
        package: The package's name.
    """

    def __init__(self, package: str = "is_crawler") -> None:
        self._package = package
        self.search: Callable[[str], bool] | None = None
        """What it says of a user agent; None until it is loaded."""
        self._thread: threading.Thread | None = None

    def is_ready(self) -> bool:
        """True once it can be asked; the first time, begin to load it."""
        if self.search is None:
            self._begin()
        return self.search is not None

    def has(self, user_agent: str) -> bool:
        """Whether it knows *user_agent*; False until it is ready."""
        return self.search is not None and self.search(user_agent)

    def _begin(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        if importlib.util.find_spec(self._package) is None:
            self.search = _none
        elif is_test_run():
            self.load()  # a test has the same answer each time
        else:
            self._thread = threading.Thread(
                target=self.load, name="segment-integrations-bots", daemon=True
            )
            try:
                self._thread.start()
            except RuntimeError:  # no thread is to be had: the process ends, or is full
                self.search = _none

    def settle(self) -> None:
        """Wait for the thread: a child of a fork would have half a module."""
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(_LOAD_S)

    def load(self) -> None:
        """Load it now, which takes some 80 ms."""
        search: Callable[[str], bool] = _none
        try:
            from is_crawler import is_crawler

            # Below its own cache: for 32,768 user agents, beside ours for fewer.
            search = getattr(is_crawler, "__wrapped__", is_crawler)
            search("Mozilla/5.0")
        except Exception as error:  # noqa: BLE001 - another version of it
            logger.warning(
                "the list of bots of is-crawler could not be loaded (%s); a short list"
                " of our own is used",
                type(error).__name__,
            )
            search = _none
        self.search = search


def _none(_: str) -> bool:
    return False


LONG_LIST: Final = LongList()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=LONG_LIST.settle)


def is_bot(user_agent: str) -> bool:
    """
    True for a known program, and for no user agent at all.

    Args:
        user_agent: The header, cut to a bound before: the answers are cached.
    """
    # The list itself first, for it is there from the second page call on.
    if LONG_LIST.search is not None or LONG_LIST.is_ready():
        return _is_bot(user_agent)
    return not user_agent.strip() or known_words(user_agent)


@lru_cache(maxsize=_CACHED_MAX)
def _is_bot(user_agent: str) -> bool:
    return (
        not user_agent.strip()
        or known_words(user_agent)
        or LONG_LIST.has(_TELEPHONE.sub("", user_agent))
    )
