"""Bots by their user agent: with the long list, without it, while it is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from segment_integrations.core import bots
from segment_integrations.core.privacy import TEXT_MAX_CHARS

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/141.0.0.0 Safari/537.36"
)
ANDROID = "Mozilla/5.0 (Linux; Android 13; {}) AppleWebKit/537.36 (KHTML, like Gecko)"
PEOPLE = [
    CHROME,
    f"{CHROME} Edg/141.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/18.6 Safari/604.1",
    ANDROID.format("CUBOT X18") + " Chrome/141.0.0.0 Mobile Safari/537.36",
    ANDROID.format("Forward Ruby Build/KOT49H") + " Chrome/67.0.3396.87 Mobile",
    ANDROID.format("Perla") + " Chrome/83.0.4103.106 Mobile Safari/537.36",
]
BOTS = [
    "",
    " ",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.5.0",
    "kube-probe/1.31",
]
ONLY_LONG = "Mozilla/5.0 (compatible; Impact.com Agent; +https://example.com/agent)"
"""A bot that the short list of our own does not know."""


@pytest.fixture
def listed():
    pytest.importorskip("is_crawler")
    made = bots.LongList()
    made.load()
    return made


@pytest.mark.parametrize("user_agent", PEOPLE)
def test_a_browser_is_no_bot(listed, user_agent):
    """People's browsers, and telephones with a bot's name, are taken for people."""
    assert not bots.is_bot(user_agent)
    assert not bots.known_words(user_agent)


@pytest.mark.parametrize("user_agent", [*BOTS, ONLY_LONG])
def test_a_bot_is_one(listed, user_agent):
    """Programs are known by either list, and none at all is one too."""
    assert bots.is_bot(user_agent)


def test_the_long_list_knows_more(listed):
    """The package knows what our own list does not."""
    assert not bots.known_words(ONLY_LONG)
    assert listed.has(ONLY_LONG)


def test_without_the_package_our_own_list_decides():
    """Where the package is missing no thread is started, and nothing is said."""
    missing = bots.LongList("segment_integrations_no_such_package")
    assert missing.is_ready()
    assert not missing.has(ONLY_LONG)
    assert missing._thread is None


def test_a_package_that_fails_leaves_our_own_list(monkeypatch, caplog):
    """An is-crawler without what we ask of it costs one warning."""
    monkeypatch.setitem(sys.modules, "is_crawler", sys)
    broken = bots.LongList()
    broken.load()
    assert broken.is_ready()
    assert not broken.has(ONLY_LONG)
    (record,) = caplog.records
    assert "could not be loaded (ImportError)" in record.getMessage()


def test_the_list_is_loaded_by_a_thread(listed, monkeypatch):
    """Outside tests the one who asks first does not wait for the list."""
    monkeypatch.setattr(bots, "is_test_run", lambda: False)
    gate = threading.Event()
    made = bots.LongList()
    load = made.load
    made.load = lambda: gate.wait(10) and load()
    assert not made.is_ready()
    assert not made.is_ready()
    thread = made._thread
    assert not made.has(ONLY_LONG)
    gate.set()
    thread.join(10)
    assert made.is_ready()
    assert made.has(ONLY_LONG)


def test_answers_are_kept_within_a_bound(listed):
    """The cache has at most 1,024 user agents, which are cut before."""
    for number in range(3_000):
        bots.is_bot(f"{CHROME} {number}")
    assert bots._is_bot.cache_info().currsize == 1_024
    assert TEXT_MAX_CHARS == 512


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_list_loads_in_a_fresh_process_and_in_its_child():
    """A page decision loads the list in a thread; a child of a fork has it too."""
    pytest.importorskip("is_crawler")
    code = f"""
import os, sys, time
from segment_integrations.core import bots
assert "is_crawler" not in sys.modules

def settled():
    until = time.monotonic() + 20
    while not bots.LONG_LIST.is_ready():
        assert time.monotonic() < until
        time.sleep(0.005)
    return bots.is_bot({ONLY_LONG!r}) and not bots.is_bot({CHROME!r})

bots.is_bot({CHROME!r})
child = os.fork()
assert settled()
if child:
    assert os.waitpid(child, 0)[1] == 0
    print("good")
else:
    os._exit(0)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST")},
    )
    assert (0, "good\n") == (ran.returncode, ran.stdout), ran.stderr
