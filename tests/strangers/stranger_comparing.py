"""Compares what two runs of a stranger's suite have seen, exchange by exchange."""

from __future__ import annotations

import gzip
import re

OURS = "ajs_anonymous_id"
OUR_CHECKS = re.compile(
    r"^.*\(segment_integrations\.[EW]\d+\).*\n(\s+HINT: .*\n)?", re.MULTILINE
)
COUNTED = re.compile(r"identified (?:no|\d+) issues?")

_RANDOM = {"sessionid", "csrftoken"}
_SIGNED = {"messages": ":", "signed": ":", "session": ".", "office": "."}
_TOKEN = re.compile(rb'(name="csrfmiddlewaretoken" value=")\w+')


def normal(exchange):
    """
    An exchange without what differs between any two runs of one application.

    - ``Date`` is left out; the time in ``Expires``, in a cookie's ``expires`` and in
      ``Age`` is replaced, and everything else of them stays;
    - a session id and a CSRF token are replaced; of a cookie that Django signs, and
      of Flask's and Starlette's sessions, the time and the signature are cut off, and
      their contents stay;
    - a gzipped body is unpacked, for Django puts random bytes into it, so its
      ``Content-Length`` is replaced, and of its chunks the number stays;
    - a form's CSRF token is replaced, and with it the ``ETag`` of that body.
    """
    body = exchange["body"].encode("latin-1")
    chunks = exchange["chunks"]
    lower = {name.lower(): value for name, value in exchange["headers"]}
    is_packed = "gzip" in lower.get("content-encoding", "")
    if is_packed and body:
        body, chunks = gzip.decompress(body), len(chunks)
    replaced = _TOKEN.sub(rb"\1-", body)
    has_token = replaced != body
    headers = []
    for name, value in exchange["headers"]:
        key, kept = name.lower(), value
        if key == "date":
            continue
        if key == "age":
            kept = "seconds"
        elif key == "expires":
            kept = re.sub(r"^\w{3}, .* GMT$", "a time", value)
        elif key == "set-cookie":
            kept = _cookie(value)
        elif (is_packed and key == "content-length") or (has_token and key == "etag"):
            kept = "-"
        headers.append((name, kept))
    text = replaced.decode("latin-1")
    if exchange["request"][0] == "CHECK":
        text = COUNTED.sub("-", OUR_CHECKS.sub("", text))
    return {
        "request": exchange["request"],
        "status": exchange["status"],
        "headers": headers,
        "body": text,
        "chunks": chunks,
        "more": exchange.get("more"),
    }


def _cookie(text):
    name, _, rest = text.partition("=")
    value, separator, attributes = rest.partition(";")
    if value.strip('"'):
        if name in _RANDOM:
            value = "-"
        elif name in _SIGNED:
            value = value.rsplit(_SIGNED[name], 2)[0]
    attributes = re.sub(r"expires=[^;]+", "expires=-", attributes, flags=re.IGNORECASE)
    return f"{name}={value}{separator}{attributes}"


def pairs(bare, ours):
    """Each exchange of one run beside the same of the other; none may lack."""
    for test, seen in bare["exchanges"].items():
        others = ours["exchanges"].get(test, [])
        assert len(seen) == len(others), test
        for one, other in zip(seen, others, strict=True):
            yield test, one, other
    assert bare["exchanges"].keys() == ours["exchanges"].keys()


def without_our_cookie(exchange):
    """The exchange as it would be without the visitor's cookie; whether it had one."""
    headers = [
        (name, value)
        for name, value in exchange["headers"]
        if not (name.lower() == "set-cookie" and value.startswith(f"{OURS}="))
    ]
    return {**exchange, "headers": headers}, len(headers) < len(exchange["headers"])


def without_session_effects(exchange):
    """
    The exchange without what Django and Flask-Login do wherever a user is loaded.

    ``Cookie`` in ``Vary``, the deleted cookie of a session that is gone, and what the
    site's cache says of a page that it keeps: none that sets a cookie and varies by it.
    """
    sets = any(name.lower() == "set-cookie" for name, _ in exchange["headers"])
    headers = []
    for name, value in exchange["headers"]:
        key, kept = name.lower(), value
        if key == "vary":
            kept = ", ".join(one for one in value.split(", ") if one != "Cookie")
        elif (key == "set-cookie" and value.startswith('sessionid="";')) or (
            sets and key in {"cache-control", "expires"}
        ):
            continue
        if kept:
            headers.append((name, kept))
    return {**exchange, "headers": headers}


def deletes_session(exchange):
    """Whether Django has found that the session is gone."""
    return any(value.startswith('sessionid="";') for _, value in exchange["headers"])
