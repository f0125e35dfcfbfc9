"""The collector's paths, and its answers to servers and browsers."""

import asyncio
import json
import socket
import sqlite3

import httpx
import pytest

from segment_integrations.dev.collector import create_app
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
