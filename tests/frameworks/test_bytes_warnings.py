"""Applications that run with ``python -bb``, where bytes and texts do not compare."""

import subprocess
import sys

CODE = """
import asyncio
import json
from segment_integrations import Analytics, asgi, wsgi

sent = []

class Kept:
    def put(self, body, message):
        sent.append(json.loads(body)["type"])
        return True

analytics = Analytics("a-key", sink=Kept(), anonymous_cookie=True)
pairs = [("Content-Type", "text/html"), ("Content-Disposition", "inline")]
headers = {"host": "shop.example", "user-agent": "Mozilla/5.0 Firefox/140.0",
    "accept": "text/html", "cookie": "a=b", "referer": "https://shop.example/"}

async def app(scope, receive, send):
    raw = [(name.encode(), value.encode()) for name, value in pairs]
    await send({"type": "http.response.start", "status": 200, "headers": raw})

async def send(message):
    pass

scope = {"type": "http", "method": "GET", "path": "/a", "query_string": b"utm_id=1",
    "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
asyncio.run(asgi.SegmentMiddleware(app, analytics=analytics)(scope, None, send))

def served(environ, start_response):
    start_response("200 OK", pairs)
    return [b"ok"]

environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/a", "QUERY_STRING": "utm_id=1"}
for name, value in headers.items():
    environ["HTTP_" + name.upper().replace("-", "_")] = value
wsgi.SegmentMiddleware(served, analytics=analytics)(environ, lambda *_: None)
assert sent == ["page", "page"], (sent, analytics.stats())
"""


def test_pages_are_sent_where_python_refuses_to_compare_bytes_with_texts():
    """`-bb` makes it an error, which would be logged and cost the page call."""
    ran = subprocess.run(
        [sys.executable, "-bb", "-c", CODE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "") == (ran.returncode, ran.stderr)
