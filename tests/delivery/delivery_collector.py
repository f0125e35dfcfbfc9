"""A collector on the loopback interface that answers as its script says."""

import contextlib
import gzip
import json
import socket
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    path: str
    headers: dict
    body: bytes
    connection: int

    @property
    def document(self):
        return json.loads(self.body)

    @property
    def events(self):
        return [message["event"] for message in self.document["batch"]]


class Collector:
    """
    Records each request, then does what the script says next, else `default`.

    A step is a status, a (status, headers, body) triple, a callable from `Request`
    to one of these, or a word: "hang", "reset" (before anything is read), "drop"
    (taken, then reset) or "cut" (taken, then half an answer). With `tls`, a server's
    context, it speaks https.
    """

    def __init__(self, *script, default=200, tls=None):
        self.script = deque(script)
        self.default = default
        self.requests = []
        self.connections = 0
        self.close_idle = False
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._sockets = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                with collector._lock:
                    collector.connections += 1
                    self.number = collector.connections
                    collector._sockets.add(self.request)
                super().setup()

            def finish(self):
                with contextlib.suppress(OSError):
                    super().finish()
                collector._sockets.discard(self.request)

            def do_POST(self):
                collector._answer(self)

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.host = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        if tls:
            # Not in `accept`: one client that hangs would keep out the others.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.released.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
        self.hang_up()

    def hang_up(self):
        """Close every connection that is open, as an idle timeout would."""
        for sock in tuple(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    @property
    def events(self):
        return [event for request in self.requests for event in request.events]

    def _answer(self, handler):
        with self._lock:
            step = self.script.popleft() if self.script else self.default
        if step == "reset":
            _reset(handler)
            return
        body = _read(handler)
        if body is None:  # its sender was killed: no server sees a request
            handler.close_connection = True
            return
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(handler.path, headers, body, handler.number)
        self.requests.append(request)
        if callable(step):
            step = step(request)
        if step == "hang":
            self.released.wait(60)
            handler.close_connection = True
            return
        if step == "drop":
            _reset(handler)
            return
        if step == "cut":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            handler.close_connection = True
            return
        status, extra, answer = step if isinstance(step, tuple) else (step, {}, b"{}")
        handler.send_response(status)
        for name, value in extra.items():
            handler.send_header(name, value)
        if status != 204:
            handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        if status != 204:
            handler.wfile.write(answer)


def _read(handler):
    """The request's body, None where it was cut short."""
    length = int(handler.headers["Content-Length"])
    body = handler.rfile.read(length)
    if len(body) < length:
        return None
    if handler.headers.get("Content-Encoding") == "gzip":
        return gzip.decompress(body)
    return body


def _reset(handler):
    """End the connection with an RST: what was sent and not read is lost."""
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True
    with contextlib.suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RD)
    # Both files share the socket: only when all are closed does the kernel act.
    handler.rfile.close()
    handler.wfile.close()
    handler.connection.close()
