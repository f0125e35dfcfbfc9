"""The collector's paths, its answers to browsers, and reading back what came."""

import asyncio
import json
import re
import socket
import sqlite3

import httpx
import pytest

from segment_integrations.dev.collector import create_app
from segment_integrations.dev.server import running
from segment_integrations.dev.store import Store

TRACK = {"type": "track", "event": "Order Completed", "userId": "user-1"}
PATHS = {
    "track": {"event": "X", "userId": "u"},
    "identify": {"userId": "u"},
    "page": {"anonymousId": "a", "userId": None},
    "screen": {"userId": "u"},
    "group": {"userId": "u", "groupId": "g"},
    "alias": {"userId": "u", "previousId": "a"},
}


def send(web, *messages):
    web.post(
        "/v1/batch", json={"writeKey": "dev", "batch": messages}
    ).raise_for_status()


@pytest.mark.parametrize("shorten", [False, True], ids=["long", "short"])
@pytest.mark.parametrize("call", PATHS)
def test_takes_each_call_on_its_paths(web, collector, basic, call, shorten):
    """Long paths are the servers', one-letter paths are the browser's."""
    path = call[0] if shorten else call

    answer = web.post(f"/v1/{path}", json=PATHS[call], headers=basic())

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    (message,) = collector.messages()
    assert call == message["type"]
    assert PATHS[call].items() <= message.items()


@pytest.mark.parametrize("path", ["batch", "b", "import"])
def test_takes_batches_on_their_paths(web, collector, path):
    """All batch paths are alike, and an empty batch is no mistake."""
    for items in ([], [TRACK]):
        body = {"writeKey": "dev", "batch": items}
        assert web.post(f"/v1/{path}", json=body).status_code == 200

    assert len(collector.messages()) == 1


def test_metrics_are_taken_and_forgotten(web, collector):
    """What analytics.js counts about itself is no message."""
    answer = web.post("/v1/m", json={"series": []})

    assert answer.json() == {"success": True}
    assert collector.messages() == []


def test_the_content_type_does_not_matter(web, collector):
    """analytics.js sends JSON as text/plain."""
    body = json.dumps({**TRACK, "writeKey": "dev"})

    answer = web.post("/v1/t", content=body, headers={"Content-Type": "text/plain"})

    assert answer.status_code == 200
    assert collector.messages()[0]["userId"] == "user-1"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/batch", 405, "method_not_allowed"),
        ("POST", "/nothing", 404, "not_found"),
        ("GET", "/static/collector.py", 404, "not_found"),
    ],
)
def test_other_paths_answer_in_json(web, method, path, status, code):
    """What is not there says so in the same shape as all mistakes."""
    answer = web.request(method, path)

    assert (status, code) == (answer.status_code, answer.json()["error"]["code"])


def test_answers_a_preflight_from_any_origin(web):
    """A page elsewhere may send with the headers that analytics.js uses."""
    answer = web.options(
        "/v1/t",
        headers={
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = set(answer.headers["access-control-allow-headers"].split(", "))
    wanted = {"authorization", "content-type", "x-retry-count", "content-encoding"}
    assert wanted == allowed


@pytest.mark.parametrize(
    ("path", "body"),
    [("t", b"{}"), ("nothing", b"{}"), ("b", b'{"writeKey":"dev","batch":[]}')],
)
def test_lets_any_origin_read_the_answer_to_sending(web, path, body):
    """Good answers and bad ones alike carry the header, so that a page sees them."""
    answer = web.post(f"/v1/{path}", content=body, headers={"Origin": "null"})

    assert answer.headers["access-control-allow-origin"] == "*"


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


def test_settings_point_a_browser_back_here(web):
    """analytics.js starts with these settings and sends to the same host."""
    answer = web.get("/v1/projects/abc/settings", headers={"Host": "localhost:99"})

    assert answer.json() == {
        "integrations": {
            "Segment.io": {
                "apiKey": "abc",
                "apiHost": "localhost:99/v1",
                "protocol": "http",
                "addBundledMetadata": False,
            }
        },
        "metrics": {"sampleRate": 0},
    }
    assert answer.headers["access-control-allow-origin"] == "*"


def test_health(web):
    """A script can ask whether the collector is up."""
    assert web.get("/health").json() == {"ok": True}


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


def test_tells_of_messages_and_of_mistakes():
    """Whoever embeds the app hears of each request, whether it was good or bad."""
    messages, refused = [], []

    async def use(store):
        app = create_app(store, on_messages=messages.extend, on_refused=refused.append)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as web:
            await web.post("/v1/track", json={**TRACK, "writeKey": "dev"})
            await web.post("/v1/track", json=TRACK)

    with Store() as store:
        asyncio.run(use(store))

    assert [message["event"] for message in messages] == ["Order Completed"]
    assert [error.code for error in refused] == ["missing_write_key"]


def test_stops_reading_a_body_without_an_end():
    """What is over the limit is thrown away, and at some point no longer read."""
    read = 0

    async def endless():
        nonlocal read
        while True:
            read += 1
            yield b"x" * 2**20

    async def use(store):
        transport = httpx.ASGITransport(create_app(store))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as web:
            return await web.post("/v1/batch", content=endless())

    with Store() as store:
        assert asyncio.run(use(store)).status_code == 413
    assert read < 20


def test_a_client_that_leaves_in_the_middle_is_no_failure(web, collector):
    """Half a request is nobody's event, and the collector goes on."""
    address = collector.url.removeprefix("http://")
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /v1/batch HTTP/1.1\r\nHost: {address}\r\nContent-Length: 99\r\n"
        connection.sendall(head.encode() + b"\r\n{")

    send(web, TRACK)

    assert len(collector.messages()) == 1


def test_a_failing_database_asks_the_client_to_come_again(web, collector, monkeypatch):
    """What can't be stored is a 503, so that the client keeps its events."""

    def fail(*args):
        raise sqlite3.OperationalError("disk is full")

    monkeypatch.setattr(type(collector.store), "add", fail)

    answer = web.post("/v1/track", json={**TRACK, "writeKey": "dev"})

    assert (
        answer.status_code,
        answer.json()["error"]["code"],
    ) == (503, "not_stored")
