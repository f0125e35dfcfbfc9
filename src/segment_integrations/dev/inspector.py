"""
The inspector: one HTML page of what came, newest first.

Rows are made here alone, so escaping has one place; the script only asks for rows
that are new and puts them on top. Without scripts the page reloads itself.
"""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segment_integrations.dev.store import Stored

__all__ = ["HEADERS", "asset", "page", "rows"]

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self';"
    " style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer of the inspector: nothing but its own script and style may run."""

_ASSETS: Final = {
    "inspector.js": "text/javascript",
    "inspector.css": "text/css",
}

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Segment messages on {netloc}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="static/inspector.css">
<script src="static/inspector.js" defer></script>
<noscript><meta http-equiv="refresh" content="5"></noscript>
</head>
<body data-cursor="{cursor}">
<header>
<h1>Segment messages</h1>
<p id="status" role="status">{status}</p>
<p class="actions" hidden>
<button type="button" id="pause" aria-pressed="false">Pause</button>
<button type="button" id="clear">Clear</button>
</p>
</header>
<main>
<section id="empty"{empty_hidden}>
<h2>Nothing has arrived yet</h2>
<p>Start an app so that it sends here:</p>
<pre><code>SEGMENT_HOST={address} SEGMENT_WRITE_KEY=dev python app.py</code></pre>
<p>Any client of Segment's HTTP Tracking API can send here, with any write key.
Messages show up on this page by themselves.</p>
</section>
<table{table_hidden}>
<caption class="unseen">Messages, newest first</caption>
<thead>
<tr><th scope="col">Time (UTC)</th><th scope="col">Call</th><th scope="col">Name</th>
<th scope="col">User</th><th scope="col">Anonymous</th><th scope="col">Message</th></tr>
</thead>
<tbody id="rows">
{rows}
</tbody>
</table>
</main>
</body>
</html>
"""

_ROW: Final = """\
<tr data-call="{call}">
<td><time datetime="{received_at}">{time}</time></td>
<td><span class="call">{call}</span>{copies}</td>
<th scope="row">{name}</th>
<td>{user_id}</td>
<td>{anonymous_id}</td>
<td>{violations}<details><summary>JSON</summary><pre><code>{json}</code></pre></details></td>
</tr>"""


def page(found: Sequence[Stored], address: str) -> str:
    """
    Make the page that lists *found*.

    Args:
        found: Newest first.
        address: The collector's own, for the hint on the empty page.
    """
    cursor = found[0].cursor if found else 0
    return _PAGE.format(
        netloc=escape(address.removeprefix("http://")),
        address=escape(address),
        cursor=cursor,
        status="Waiting for messages" if not found else "The newest messages",
        empty_hidden=" hidden" if found else "",
        table_hidden="" if found else " hidden",
        rows=rows(found),
    )


def rows(found: Sequence[Stored]) -> str:
    """Make the table rows of *found*, everything in them escaped."""
    return "\n".join(map(_row, found))


@cache
def asset(name: str) -> tuple[bytes, str] | None:
    """The content and media type of the file *name*; None if there is none."""
    if name not in _ASSETS:
        return None
    content = files("segment_integrations.dev").joinpath("static", name).read_bytes()
    return content, _ASSETS[name]


def title(message: dict[str, Any]) -> str:
    """What a message is about in one phrase: its event, name or group."""
    named = (
        message.get("event")
        or " / ".join(
            str(part) for field in ("category", "name") if (part := message.get(field))
        )
        or message.get("groupId")
        or ""
    )
    return str(named)


def violations(message: dict[str, Any]) -> list[tuple[str, str, str]]:
    """
    What in *message* breaks a tracking plan: type, field, description, each once.

    As its sender found it (``context.protocols``), and the collector.
    """
    protocols = _object(_object(message.get("context")).get("protocols"))
    lists = (message.get("violations"), protocols.get("violations"))
    found = [
        (str(one.get("type")), str(one.get("field")), str(one.get("description")))
        for listed in lists
        if isinstance(listed, list)
        for one in listed
        if isinstance(one, dict)
    ]
    return list(dict.fromkeys(found))


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _violations(message: dict[str, Any]) -> str:
    items = "".join(
        f"<li><strong>{escape(kind)}</strong> <code>{escape(field)}</code>"
        f" {escape(text)}</li>"
        for kind, field, text in violations(message)
    )
    return f'<ul class="violations">{items}</ul>' if items else ""


def _row(stored: Stored) -> str:
    message = msgspec.json.decode(stored.body)
    received_at = str(message["receivedAt"])
    return _ROW.format(
        call=escape(str(message["type"])),
        copies=f' <span class="again">came {stored.copies} times</span>'
        if stored.copies > 1
        else "",
        name=escape(title(message)),
        user_id=escape(str(message.get("userId") or "")),
        anonymous_id=escape(str(message.get("anonymousId") or "")),
        received_at=escape(received_at),
        time=escape(received_at[11:23]),
        violations=_violations(message),
        json=escape(msgspec.json.format(stored.body, indent=2).decode()),
    )
