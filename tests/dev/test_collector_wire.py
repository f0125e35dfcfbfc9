"""What the collector takes, what it refuses, and with which answer."""

import gzip
import json
import zlib

import pytest

from segment_integrations.dev import wire

KEY = {"writeKey": "dev"}
TRACK = {"type": "track", "event": "Order Completed", "userId": "user-1"}


def encode(value):
    return json.dumps(value, separators=(",", ":")).encode()


def batch(*items, **envelope):
    return {**KEY, "batch": list(items), **envelope}


def without(field):
    return {key: value for key, value in TRACK.items() if key != field}


def sized(size):
    """A track of exactly *size* bytes of JSON, `writeKey` included."""
    message = {**TRACK, **KEY, "properties": {"text": ""}}
    message["properties"]["text"] = "x" * (size - len(encode(message)))
    return message


REFUSED_BATCHES = {
    "malformed": (b'{"batch": [', 400, "invalid_json", None),
    "empty body": (b"", 400, "invalid_json", None),
    "not UTF-8": (b'{"writeKey": "\xff", "batch": []}', 400, "invalid_json", None),
    "nested too deeply": (
        b'{"writeKey":"dev","batch":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        400,
        "invalid_json",
        None,
    ),
    "an array": (encode([TRACK]), 400, "not_an_object", None),
    "a string": (b'"text"', 400, "not_an_object", None),
    "no batch": (encode(KEY), 400, "batch_not_array", None),
    "batch an object": (encode({**KEY, "batch": {}}), 400, "batch_not_array", None),
    "batch null": (encode({**KEY, "batch": None}), 400, "batch_not_array", None),
    "batch text": (encode({**KEY, "batch": "[]"}), 400, "batch_not_array", None),
    "context text": (encode(batch(context="x")), 400, "not_an_object", None),
    "integrations list": (encode(batch(integrations=[])), 400, "not_an_object", None),
    "item a number": (encode(batch(TRACK, 1)), 400, "not_an_object", 1),
    "item null": (encode(batch(None)), 400, "not_an_object", 0),
    "no type": (encode(batch(TRACK, without("type"))), 400, "missing_type", 1),
    "type unknown": (encode(batch({**TRACK, "type": "x"})), 400, "unknown_type", 0),
    "type a list": (encode(batch({**TRACK, "type": []})), 400, "unknown_type", 0),
    "no identity": (
        encode(batch(TRACK, TRACK, without("userId"))),
        400,
        "no_user_anon_id",
        2,
    ),
    "number too big": (
        b'{"writeKey":"dev","batch":[{"a":1e400}]}',
        400,
        "number_out_of_range",
        0,
    ),
    "item malformed inside": (
        b'{"writeKey":"dev","batch":[{"a":"\xff"}]}',
        400,
        "invalid_json",
        0,
    ),
    "one event over 32 KiB": (
        encode(batch(TRACK, sized(32_769))),
        413,
        "event_too_large",
        1,
    ),
    "2,501 events": (encode(batch(*[TRACK] * 2501)), 413, "batch_too_long", None),
    "over 500 KB": (
        encode(batch(*[sized(30_000)] * 17)),
        413,
        "request_too_large",
        None,
    ),
    "no write key": (encode({"batch": [TRACK]}), 401, "missing_write_key", None),
    "empty write key": (
        encode({"writeKey": "", "batch": [TRACK]}),
        401,
        "missing_write_key",
        None,
    ),
    "write key a number": (
        encode({"writeKey": 1, "batch": [TRACK]}),
        400,
        "invalid_write_key",
        None,
    ),
}


@pytest.mark.parametrize("case", REFUSED_BATCHES.values(), ids=REFUSED_BATCHES)
def test_refuses_a_bad_batch_and_says_which_message(web, collector, case):
    """A batch with a mistake is refused as a whole, and the answer names it."""
    body, status, code, index = case

    answer = web.post("/v1/batch", content=body)

    assert status == answer.status_code
    assert answer.json()["success"] is False
    error = answer.json()["error"]
    assert (code, index) == (error["code"], error.get("index"))
    assert error["message"]
    assert collector.messages() == []


REFUSED_CALLS = {
    "not an object": ("track", [], "not_an_object"),
    "path and type disagree": ("identify", {**TRACK}, "type_mismatch"),
    "type null": ("track", {**TRACK, "type": None}, "missing_type"),
    "no identity": ("page", {"name": "Home"}, "no_user_anon_id"),
    "empty identity": ("page", {"userId": "", "anonymousId": ""}, "no_user_anon_id"),
    "identify without": ("identify", {"traits": {}}, "no_user_anon_id"),
    "userId a number": ("track", {**TRACK, "userId": 7}, "invalid_id"),
    "userId true": ("track", {**TRACK, "userId": True}, "invalid_id"),
    "anonymousId a list": ("track", {**TRACK, "anonymousId": []}, "invalid_id"),
    "groupId a number": ("group", {"userId": "u", "groupId": 7}, "invalid_id"),
    "previousId": ("alias", {"userId": "u", "previousId": {}}, "invalid_id"),
    "messageId a number": ("track", {**TRACK, "messageId": 1.5}, "invalid_id"),
    "messageId of 100": (
        "track",
        {**TRACK, "messageId": "x" * 100},
        "message_id_too_long",
    ),
    "alias without previousId": (
        "alias",
        {"userId": "u"},
        "missing_previous_id",
    ),
    "alias without userId": ("alias", {"previousId": "a"}, "missing_user_id"),
    "group without groupId": ("group", {"userId": "u"}, "missing_group_id"),
    "group without identity": ("group", {"groupId": "g"}, "no_user_anon_id"),
    "track without event": ("track", without("event"), "missing_event"),
    "event empty": ("track", {**TRACK, "event": ""}, "missing_event"),
    "event a number": ("track", {**TRACK, "event": 5}, "missing_event"),
    "properties a list": ("track", {**TRACK, "properties": []}, "not_an_object"),
    "traits text": ("identify", {"userId": "u", "traits": "x"}, "not_an_object"),
    "context a number": ("track", {**TRACK, "context": 1}, "not_an_object"),
    "integrations": ("track", {**TRACK, "integrations": True}, "not_an_object"),
}


@pytest.mark.parametrize("case", REFUSED_CALLS.values(), ids=REFUSED_CALLS)
def test_refuses_a_bad_call(web, collector, basic, case):
    """A single call with a mistake gets a 400 that names it, without an index."""
    call, message, code = case

    answer = web.post(f"/v1/{call}", json=message, headers=basic())

    assert answer.status_code == 400
    assert code == answer.json()["error"]["code"]
    assert "index" not in answer.json()["error"]
    assert collector.messages() == []


REFUSED_HEADERS = {
    "bad base64": ({"Authorization": "Basic ***"}, 401, "invalid_authorization"),
    "Basic without a name": ({"Authorization": "Basic Og=="}, 401, "missing_write_key"),
    "Bearer alone": ({"Authorization": "Bearer x"}, 401, "missing_write_key"),
    "unknown encoding": ({"Content-Encoding": "br"}, 415, "unknown_encoding"),
    "gzip that is none": ({"Content-Encoding": "gzip"}, 400, "invalid_gzip"),
}


@pytest.mark.parametrize(
    ("headers", "status", "code"), REFUSED_HEADERS.values(), ids=REFUSED_HEADERS
)
def test_refuses_headers_that_it_cannot_use(web, headers, status, code):
    """Credentials and encodings that are no use get their own answers."""
    answer = web.post("/v1/track", json=TRACK, headers=headers)

    assert (status, code) == (answer.status_code, answer.json()["error"]["code"])


def test_refuses_two_write_keys_that_differ(web, basic):
    """Basic auth and the body must agree on the write key."""
    answer = web.post("/v1/track", json={**TRACK, **KEY}, headers=basic("other"))

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "write_keys_differ"


def test_takes_either_write_key_or_both(web, collector, basic):
    """Basic auth, the body's key, both alike, and Bearer with the body's key do."""
    body = {**TRACK, **KEY}
    no_colon = {"Authorization": "basic ZGV2"}
    bearer = {"Authorization": "Bearer token"}

    answers = [
        web.post("/v1/track", json=TRACK, headers=basic()),
        web.post("/v1/track", json=TRACK, headers=no_colon),
        web.post("/v1/track", json=body),
        web.post("/v1/track", json=body, headers=basic()),
        web.post("/v1/track", json=body, headers=bearer),
    ]

    assert [answer.json() for answer in answers] == [{"success": True}] * 5
    assert [answer.status_code for answer in answers] == [200] * 5
    assert all("writeKey" not in message for message in collector.messages())


def test_takes_what_is_exactly_at_the_limits(web, collector):
    """32 KiB an event, 2,500 events and a messageId of 99 characters are fine."""
    call = web.post("/v1/track", content=encode(sized(32_768)))
    in_batch = web.post("/v1/batch", content=encode(batch(sized(32_768))))
    short = [{"type": "page", "userId": "u"}] * 2_500
    many = web.post("/v1/batch", content=encode(batch(*short)))
    long_id = web.post("/v1/batch", json=batch({**TRACK, "messageId": "x" * 99}))

    assert [a.status_code for a in (call, in_batch, many, long_id)] == [200] * 4
    assert len(collector.messages()) == 2_503


def test_a_single_call_over_32_kib_is_too_large(web):
    """A single call may not use the room that a batch has."""
    answer = web.post("/v1/track", content=encode(sized(32_769)))

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "event_too_large"


def test_a_body_far_over_the_limit_still_gets_its_answer(web):
    """A client that sends megabytes reads the 413 instead of a broken pipe."""
    answer = web.post("/v1/batch", content=b"x" * 5_000_000)

    assert answer.status_code == 413


def test_gzip_is_undone(web, collector):
    """A compressed batch arrives as a plain one does."""
    body = gzip.compress(encode(batch(TRACK)))

    answer = web.post("/v1/batch", content=body, headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 200
    assert collector.messages()[0]["event"] == "Order Completed"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (gzip.compress(b" " * 200_000_000, compresslevel=9), 413),
        (gzip.compress(encode(batch(TRACK)))[:-9], 400),
        (gzip.compress(encode(batch(TRACK))) + b"more", 400),
        (zlib.compress(encode(batch(TRACK))), 400),
    ],
    ids=["bomb", "cut off", "more behind it", "zlib"],
)
def test_refuses_bad_gzip(body, status):
    """A bomb is too large; a stream that is not one whole gzip is bad."""
    with pytest.raises(wire.RequestError) as caught:
        wire.parse(body, call=None, content_encoding="gzip")

    assert status == caught.value.status


def test_merges_the_batch_level_objects_into_each_message(web, collector):
    """A message's own context and integrations win over the batch's."""
    own = {**TRACK, "context": {"ip": "::1"}, "integrations": None}
    shared = {"context": {"ip": "::2", "locale": "en"}, "integrations": {"All": False}}

    web.post("/v1/import", json=batch(TRACK, own, **shared)).raise_for_status()

    first, second = collector.messages()
    assert shared["context"] == first["context"]
    assert second["context"] == {"ip": "::1", "locale": "en"}
    assert {"All": False} == first["integrations"] == second["integrations"]


def test_a_message_without_an_id_gets_one(web, collector):
    """As Segment does, the collector gives an id to a message that has none."""
    web.post("/v1/batch", json=batch(TRACK, {**TRACK, "messageId": None}))

    first, second = collector.messages()
    assert first["messageId"] != second["messageId"]
    assert 36 == len(first["messageId"]) == len(second["messageId"])


def test_text_never_holds_the_value():
    """The answer to a wrong value tells its type, for it may be personal."""
    body = encode({**TRACK, **KEY, "userId": 4711, "event": "Order"})

    with pytest.raises(wire.RequestError, match="userId must be a string") as caught:
        wire.parse(body, call="track")

    assert "4711" not in str(caught.value)
