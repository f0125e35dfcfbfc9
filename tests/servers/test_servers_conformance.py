"""The conformance list, condensed, behind the servers that people run."""

import re
from collections import Counter
from importlib.util import find_spec

import pytest
from server_table import APPS, PAIRS, SERVERS
from server_visits import (
    USERS,
    Load,
    compare_with_bare,
    headers_of,
    raw,
    sign_in_and_out,
    stream,
    talk,
    visit_as_many,
    visit_on_one_connection,
)


class Told:
    """What arrived at the collector."""

    def __init__(self, messages):
        self.messages = messages

    def of(self, visitor, kind):
        """The names and users of the messages of a *kind* with that anonymous id."""
        return [
            (one.get("event") or one.get("name"), one.get("userId"))
            for one in self.messages
            if one["type"] == kind and one.get("anonymousId") == visitor
        ]


@pytest.mark.parametrize(("server", "app"), PAIRS)
def test_pr_2_the_conformance_list_behind(serve, collector, tmp_path, server, app):
    """RULE-2, CTX-3, CTX-4, CTX-10, RT-3, DJ-5, DJ-6, AS-1, AS-3, AS-5, PR-1, PR-2."""
    served = APPS[app]
    command = [*SERVERS[server].command, f"{served.module}:app"]
    process = serve(command, SERVERS[server].warnings)

    raw(process, "GET", "/page/5", headers_of("once"))
    compare_with_bare(process)
    visit_on_one_connection(process)
    visit_as_many(process, ["who", "awho"][: 1 + SERVERS[server].has_loops])
    sign_in_and_out(process)
    stream(process, tmp_path / "release")
    if served.has_sockets:
        assert ["A", "B", "C"] == talk(process, "abc")
        raw(process, "GET", "/later", headers_of("background"))
    load = Load(process)
    code = load.stop_under_it()

    messages = collector.messages()
    told = Told(messages)
    assert_each_once(load, messages, collector.duplicates, process)
    assert_pages(told)
    assert_nobody_leaks(told)
    assert_signed(told)
    assert_streamed(told, served)
    if served.has_sockets:
        assert [("Said", "socket-user")] * 3 == told.of("talker", "track")
        assert [] == told.of("talker", "page")
        assert [("Later", "later-user")] == told.of("background", "track")
    assert code in {0, -15}
    # AS-3: one frame of ours at most, in the one traceback that there is with us.
    assert 1 >= len(re.findall(r"/segment_integrations/[\w/]+\.py", process.text))


def assert_each_once(load, messages, duplicates, process):
    """What a complete answer named has arrived, and nothing has twice."""
    ids = Counter(one["messageId"] for one in messages)
    assert set() == set(load.accepted) - set(ids), process.text
    assert [] == [one for one, times in ids.items() if times > 1]
    assert 0 == duplicates


def assert_pages(told):
    """A visit is one page call, named by its route."""
    assert [("/page/{number}", None)] == told.of("once", "page")
    assert [("Viewed", None)] == told.of("once", "track")
    # Of the comparison: two pages; a HEAD is a request, and no page.
    names = [name for name, _ in told.of("same", "page")]
    assert ["/me", "/page/{number}", "/wide"] == sorted(names)


def assert_nobody_leaks(told):
    """On one connection, and among 200 at once, each event has its own user."""
    assert [
        ("Anybody", None),
        ("Anybody", None),
        ("Who", "kept"),
        ("Who", "kept"),
    ] == sorted(told.of("alive", "track"), key=str)
    for number in range(USERS):
        user = f"user-{number}"
        visitor = f"visitor-{number}"
        assert [("Who", user)] == told.of(visitor, "track")
        assert [user] == [one for _, one in told.of(visitor, "page")]


def assert_signed(told):
    """A login and a logout take effect at once, and for later requests."""
    tracks = dict(told.of("signer", "track"))
    # Where nobody is known by any id after it, a sign-out is not told.
    assert None is tracks.pop("Out", None)
    assert {"In": "7", "Me": "7", "Anybody": None} == tracks
    assert [(None, "7")] == told.of("signer", "identify")
    assert {("/me", "7"), ("/anybody", None)} == set(told.of("signer", "page"))


def assert_streamed(told, served):
    """A stream is one page, and its own events are the request's."""
    assert [("/stream", None)] == told.of("streamer", "page")
    if served.streams_events:
        assert [("Streamed", None)] == told.of("streamer", "track")


@pytest.mark.parametrize("name", SERVERS)
def test_each_server_is_there(name):
    """None is left out because it is not installed."""
    for part in SERVERS[name].command:
        module = part.partition(".")[0]
        if module in {"uvicorn", "hypercorn", "gunicorn", "gevent", "uvicorn_worker"}:
            assert find_spec(module)
