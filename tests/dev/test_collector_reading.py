"""Reading back what came: who may, and in which portions."""

import re

import httpx
import pytest

from segment_integrations.dev.server import running

TRACK = {"type": "track", "event": "Order Completed", "userId": "user-1"}


def send(web, *messages):
    web.post(
        "/v1/batch", json={"writeKey": "dev", "batch": messages}
    ).raise_for_status()


@pytest.mark.parametrize("path", ["/", "/api/messages", "/api/stats", "/rows"])
def test_other_pages_cannot_read(web, path):
    """No other origin may read, nor a host that was made to point here."""
    answer = web.get(path, headers={"Origin": "https://evil.example"})
    rebound = web.get(path, headers={"Host": "evil.example"})
    preflight = web.options(path, headers={"Origin": "https://evil.example"})

    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert rebound.status_code == 403
    assert preflight.status_code == 405


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:2", "[::1]:3"])
def test_this_machine_can_read_by_any_of_its_names(web, host):
    """The port in the Host header is whatever a tunnel made of it."""
    assert web.get("/api/messages", headers={"Host": host}).status_code == 200


def test_a_wildcard_address_is_open_to_all_names():
    """Binding every address means that others are wanted."""
    with running(host="0.0.0.0") as collector:
        assert collector.url.startswith("http://127.0.0.1:")
        answer = httpx.get(
            f"{collector.url}/api/messages",
            headers={"Host": "desk.example"},
            trust_env=False,
        )

    assert answer.status_code == 200


def test_lists_messages_newest_first_as_they_came(web, collector):
    """Each message is as it was sent, and has the time of its arrival besides."""
    sent = [{**TRACK, "messageId": str(n), "own": {"é": [1.0, None]}} for n in (1, 2)]
    send(web, *sent)

    listed = web.get("/api/messages").json()

    times = [message.pop("receivedAt") for message in listed]
    assert sent[::-1] == listed
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z", t) for t in times)
    assert [message["messageId"] for message in collector.messages()] == ["1", "2"]


def test_limits_the_list(web):
    """100 messages are listed, or as many as asked for."""
    send(web, *[{**TRACK, "messageId": str(n)} for n in range(150)])

    assert len(web.get("/api/messages").json()) == 100
    few = web.get("/api/messages?limit=2").json()
    assert [message["messageId"] for message in few] == ["149", "148"]
    assert len(web.get("/api/messages?limit=1000").json()) == 150


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=ten",
        "limit=",
        "limit=²",
        "limit=" + "9" * 5000,
        "after=-1",
        "after=99999999999999999999",
        "order=up",
    ],
)
def test_refuses_a_bad_query(web, query):
    """A query that makes no sense is a 400, not a guess."""
    answer = web.get(f"/api/messages?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"


def test_reads_on_from_a_cursor(web):
    """A reader that follows along sees each message once and in order."""
    send(web, *[{**TRACK, "messageId": str(n)} for n in range(3)])
    seen, cursor = [], "0"
    for _ in range(3):
        answer = web.get(f"/api/messages?order=asc&limit=2&after={cursor}")
        seen += [message["messageId"] for message in answer.json()]
        cursor = answer.headers["X-Cursor"]
    send(web, {**TRACK, "messageId": "later"})

    later = web.get(f"/api/messages?order=asc&after={cursor}").json()

    assert seen == ["0", "1", "2"]
    assert [message["messageId"] for message in later] == ["later"]


def test_stores_a_message_id_once_and_counts_the_others(web, collector):
    """Duplicates are dropped as Segment drops them, within a batch and later."""
    message = {**TRACK, "messageId": "same"}
    send(web, message, message)
    send(web, {**message, "event": "Another"})

    assert [m["event"] for m in collector.messages()] == ["Order Completed"]
    assert collector.duplicates == 2
    assert web.get("/api/stats").json() == {"messages": 1, "duplicates": 2}


def test_clears(web, collector):
    """Cleared messages are gone, and cursors do not start again."""
    send(web, TRACK)
    cursor = web.get("/api/messages").headers["X-Cursor"]

    assert web.delete("/api/messages").json() == {"success": True}
    assert web.get("/api/messages").json() == []
    send(web, TRACK)
    assert len(web.get(f"/api/messages?after={cursor}").json()) == 1
    collector.clear()
    assert collector.messages() == []


def test_a_rebound_host_cannot_clear(web, collector):
    """Deleting is guarded as reading is."""
    send(web, TRACK)

    answer = web.delete("/api/messages", headers={"Host": "evil.example"})

    assert answer.status_code == 403
    assert len(collector.messages()) == 1
