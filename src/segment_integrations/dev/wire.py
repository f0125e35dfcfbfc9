"""
Requests of Segment's HTTP Tracking API, read into messages or refused.

Everything here is a pure function of a request's path, headers and body: nothing
knows of Starlette, SQLite or the clock.

Segment itself answers 200 to nearly everything and drops bad events later, where
only its Source Debugger shows them. Here each mistake is a real 4xx that names it,
so that it is found while the app is being written.

Source:
    Segment, HTTP Tracking API; Segment spec, "Common fields".
"""

from __future__ import annotations

import base64
import binascii
import uuid
import zlib
from typing import TYPE_CHECKING, Any, Final, NoReturn, get_args

import msgspec

from segment_integrations.core.message import (
    BATCH_MAX_BYTES,
    BATCH_MAX_EVENTS,
    EVENT_MAX_BYTES,
    MESSAGE_ID_MAX_CHARS,
    Call,
)
from segment_integrations.errors import SegmentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CALLS: Final[tuple[Call, ...]] = get_args(Call)

PATHS: Final[Mapping[str, Call | None]] = {
    **{call: call for call in CALLS},
    **{call[0]: call for call in CALLS},
    "batch": None,
    "b": None,
    "import": None,
}
"""The last part of a path, long or as analytics.js shortens it; None is a batch."""

_OBJECTS: Final = ("properties", "traits", "context", "integrations")
_IDS: Final = ("messageId", "userId", "anonymousId", "groupId", "previousId")
_REQUIRED: Final[Mapping[Call, Sequence[str]]] = {
    "alias": ("previousId", "userId"),
    "group": ("groupId",),
}
_GZIP_WBITS: Final = 31  # zlib's way to say "a gzip header and nothing else"


class RequestError(SegmentError):
    """
    A request that is answered with a 4xx.

    Args:
        status: The HTTP status.
        code: A stable word for the mistake, ``"missing_event"``.
        text: What is wrong; gives a value's type, never the value.
        index: The position in the batch, where one message is at fault.
    """

    def __init__(
        self, status: int, code: str, text: str, index: int | None = None
    ) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.index = index

    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        error: dict[str, Any] = {"code": self.code, "message": str(self)}
        if self.index is not None:
            error["index"] = self.index
        return {"success": False, "error": error}


def request_limit(call: Call | None) -> int:
    """The most bytes that a request of *call* may have; None is a batch."""
    return BATCH_MAX_BYTES if call is None else EVENT_MAX_BYTES


def too_large(call: Call | None) -> RequestError:
    """The refusal of a request that is over its limit."""
    code = "request_too_large" if call is None else "event_too_large"
    return RequestError(
        413, code, f"the request is over Segment's limit of {request_limit(call)} bytes"
    )


def parse(
    body: bytes,
    *,
    call: Call | None,
    content_encoding: str = "",
    authorization: str = "",
) -> list[dict[str, Any]]:
    """
    Read a request into the messages that it carries, in order.

    Args:
        body: As it came, compressed or not; read as JSON whatever its content type.
        call: The call that the path names; None for a batch.
        content_encoding: The header's value; gzip is the one encoding known.
        authorization: The header's value.

    Returns:
        Messages as they came, each with its `type` and a `messageId`, without the
        write key; a batch's `context` and `integrations` are merged into each,
        where the message's own keys win.

    Raises:
        RequestError: The request, or any message in it, is not what Segment takes. One
            bad message refuses the whole batch.
    """
    plain = _decompress(body, call, content_encoding)
    if call is None:
        return _parse_batch(plain, authorization)
    message = _decode(plain, object, None)
    if not isinstance(message, dict):
        _refuse("not_an_object", f"the body must be an object, got {_name(message)}")
    _authenticate(authorization, message.pop("writeKey", None))
    return [_check(message, None, call)]


def _parse_batch(body: bytes, authorization: str) -> list[dict[str, Any]]:
    """Read a batch; the raw slices give each message's size as it was sent."""
    envelope = _decode(body, dict[str, msgspec.Raw], None)
    _authenticate(authorization, _decode(envelope.get("writeKey", b"null")))
    raws = envelope.get("batch")
    if raws is None or memoryview(raws)[0] != ord("["):
        _refuse("batch_not_array", "batch must be an array of messages")
    items = _decode(raws, list[msgspec.Raw])
    if len(items) > BATCH_MAX_EVENTS:
        text = f"{len(items)} messages in a batch, and Segment takes {BATCH_MAX_EVENTS}"
        raise RequestError(413, "batch_too_long", text)
    shared: dict[str, dict[str, Any]] = {}
    for field in ("context", "integrations"):
        value = _decode(envelope.get(field, b"null"))
        if isinstance(value, dict):
            shared[field] = value
        elif value is not None:
            _refuse("not_an_object", f"{field} must be an object, got {_name(value)}")
    return [_item(raw, index, shared) for index, raw in enumerate(items)]


def _item(
    raw: msgspec.Raw, index: int, shared: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    if len(raw) > EVENT_MAX_BYTES:
        text = f"the message is {len(raw)} bytes, and Segment takes {EVENT_MAX_BYTES}"
        raise RequestError(413, "event_too_large", text, index)
    message = _decode(raw, object, index)
    if not isinstance(message, dict):
        text = f"a message must be an object, got {_name(message)}"
        _refuse("not_an_object", text, index)
    message.pop("writeKey", None)
    checked = _check(message, index, None)
    for field, value in shared.items():
        checked[field] = {**value, **(checked.get(field) or {})}
    return checked


def _check(
    message: dict[str, Any], index: int | None, call: Call | None
) -> dict[str, Any]:
    """Give *message* its type and id, or refuse it."""
    kind = message.setdefault("type", call) if call else message.get("type")
    if kind is None:
        _refuse("missing_type", "type is missing", index)
    if kind not in CALLS:
        _refuse("unknown_type", f"type must be one of {', '.join(CALLS)}", index)
    if call and kind != call:
        _refuse("type_mismatch", f"the path says {call}, the message says {kind}")
    _check_types(message, index)
    _check_required(message, kind, index)
    message_id = message.get("messageId") or str(uuid.uuid4())
    if len(message_id) > MESSAGE_ID_MAX_CHARS:
        text = f"messageId must have at most {MESSAGE_ID_MAX_CHARS} characters"
        _refuse("message_id_too_long", text, index)
    message["messageId"] = message_id
    return message


def _check_types(message: Mapping[str, Any], index: int | None) -> None:
    """Refuse ids that are no strings and mappings that are no objects; null is none."""
    for field in _IDS:
        value = message.get(field)
        if value is not None and not isinstance(value, str):
            text = f"{field} must be a string, got {_name(value)}"
            _refuse("invalid_id", text, index)
    for field in _OBJECTS:
        value = message.get(field)
        if value is not None and not isinstance(value, dict):
            text = f"{field} must be an object, got {_name(value)}"
            _refuse("not_an_object", text, index)


def _check_required(message: Mapping[str, Any], kind: Call, index: int | None) -> None:
    """Refuse a message without the fields that its call needs."""
    for field in _REQUIRED.get(kind, ()):
        if not message.get(field):
            code = f"missing_{field.removesuffix('Id')}_id"
            _refuse(code, f"{kind} needs {field}, a non-empty string", index)
    if not (message.get("userId") or message.get("anonymousId")):
        # Segment's own word for it in the Source Debugger.
        _refuse("no_user_anon_id", f"{kind} needs userId or anonymousId", index)
    event = message.get("event")
    if kind == "track" and not (isinstance(event, str) and event):
        text = f"track needs event, a non-empty string, got {_name(event)}"
        _refuse("missing_event", text, index)


def _authenticate(authorization: str, in_body: object) -> None:
    """Refuse a request without a write key, or with two that differ."""
    if in_body is not None and not isinstance(in_body, str):
        _refuse("invalid_write_key", f"writeKey must be a string, got {_name(in_body)}")
    scheme, _, credentials = authorization.strip().partition(" ")
    in_header = _basic_user(credentials) if scheme.lower() == "basic" else ""
    if not (in_header or in_body):
        text = "no write key: send Basic auth with it as the user name, or writeKey"
        raise RequestError(401, "missing_write_key", text)
    if in_header and in_body and in_header != in_body:
        _refuse("write_keys_differ", "Basic auth and writeKey name different keys")


def _basic_user(credentials: str) -> str:
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise RequestError(
            401, "invalid_authorization", "Basic auth is not base64 text"
        ) from None
    return decoded.partition(":")[0]


def _decompress(body: bytes, call: Call | None, encoding: str) -> bytes:
    """Undo gzip, never into more than the limit: a bomb is refused unexploded."""
    limit = request_limit(call)
    match encoding.strip().lower():
        case "" | "identity":
            plain = body
        case "gzip" | "x-gzip":
            inflate = zlib.decompressobj(_GZIP_WBITS)
            try:
                plain = inflate.decompress(body, limit + 1)
            except zlib.error:
                _refuse("invalid_gzip", "the body is not gzip")
            if len(plain) <= limit and (not inflate.eof or inflate.unused_data):
                _refuse("invalid_gzip", "the body is not one whole gzip stream")
        case _:
            text = "Content-Encoding must be gzip or absent"
            raise RequestError(415, "unknown_encoding", text)
    if len(plain) > limit:
        raise too_large(call)
    return plain


def _decode(
    data: bytes | msgspec.Raw, shape: Any = object, index: int | None = None
) -> Any:
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as err:
        if shape is object:
            _refuse("number_out_of_range", "a number needs over 64 bits", index)
        _refuse("not_an_object", f"the body must be an object: {err}", index)
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        _refuse("invalid_json", f"malformed JSON: {err}", index)
    except RecursionError:
        _refuse("invalid_json", "the JSON is nested too deeply", index)


def _refuse(code: str, text: str, index: int | None = None) -> NoReturn:
    raise RequestError(400, code, text, index)


def _name(value: object) -> str:
    """The JSON name of *value*'s type."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean"}
    if value is None:
        return "null"
    return names.get(type(value), "number")
