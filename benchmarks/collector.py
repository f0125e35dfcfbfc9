"""
A collector process for benchmarks: raw sockets, one thread, one epoll loop.

It reads HTTP/1.1 requests by Content-Length, keeps the bodies as they came and answers
fixed bytes, so that it costs next to nothing while something is measured. Bodies are
decompressed and parsed only when somebody asks, or where a rule needs their contents.

A second port takes commands, one JSON object a line, and answers one line each; see
`Server.command` and, for the other end, `control.py`. Steps of a fault script:

- a number, or ``{"status": 429, "headers": {"Retry-After": "1"}, "body": "{}"}``;
- ``"reset"``: a reset before anything is read; ``"take-reset"``: read, kept, reset;
- ``"cut"``: read, kept, half an answer; ``"trickle"``: one byte of it each 0.2 s;
- ``"hang"``: read, and never answered.

Closing the listener ("refuse") is a command, not a step. A request counts as accepted
when its step is a 2xx, or one that keeps it. The process ends with its standard input.
"""

import contextlib
import json
import selectors
import socket
import struct
import sys
import time
from collections import deque

from contents import Rules, summary
from wire import HTTP_OK, Connection, answer

KEPT_MAX = 768 * 1024 * 1024
READ_SIZE = 1 << 18
TRICKLE_S = 0.2
LONG_BODY = " " * 500
LINGER_RESET = struct.pack("ii", 1, 0)


class Server:
    """The listener, its connections, the fault script and what arrived."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.connections = set()
        self.trickling = set()
        self.late = deque()
        self.latency = 0.0
        self.port = 0
        self.listener = None
        self.listen()
        self.control = socket.create_server(("127.0.0.1", 0))
        self.selector.register(self.control, selectors.EVENT_READ, self.accept_control)
        self.selector.register(sys.stdin, selectors.EVENT_READ, self.read_stdin)
        self.running = True
        self.reset()

    def reset(self):
        """Forget what arrived, the script, the rules, the latency; answer 200."""
        self.latency = 0.0
        self.kept = []
        self.kept_bytes = 0
        self.not_kept = 0
        self.cpu_mark = time.process_time()
        self.set_script({})

    def set_script(self, script):
        self.steps = deque(script.get("steps", ()))
        self.default = script.get("default", 200)
        self.rules = Rules.of(script.get("rules", {}))
        self.latency = script.get("latency", self.latency)
        self.default_bytes = (
            None if isinstance(self.default, str) else answer(self.default)
        )

    def listen(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=512)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)

    def refuse(self):
        """Close the listener and all connections: nobody gets in."""
        if self.listener is not None:
            self.selector.unregister(self.listener)
            self.listener.close()
            self.listener = None
        for connection in tuple(self.connections):
            self.drop(connection)

    def run(self):
        while self.running:
            timeout = TRICKLE_S / 2 if self.trickling else None
            if self.late:
                timeout = max(0.0, self.late[0][0] - time.monotonic())
            for key, _ in self.selector.select(timeout):
                key.data(key.fileobj)
            self.trickle()
            while self.late and self.late[0][0] <= time.monotonic():
                _, connection, data = self.late.popleft()
                self.send(connection, data)

    # -- requests ---------------------------------------------------------------

    def accept(self, listener):
        with contextlib.suppress(OSError):
            sock, _ = listener.accept()
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock)
            self.connections.add(connection)
            self.selector.register(
                sock, selectors.EVENT_READ, lambda _: self.read(connection)
            )

    def read(self, connection):
        if connection not in self.connections:
            return
        if not connection.size and self.resets_next(connection):
            if self.steps:
                self.steps.popleft()
            self.drop(connection, hard=True)
            return
        try:
            data = connection.sock.recv(READ_SIZE)
        except OSError:
            data = b""
        if not data:
            self.drop(connection)
            return
        body = connection.feed(data)
        if body is not None:
            self.serve(connection, body)

    def resets_next(self, connection):
        """Whether the next step is a reset, and this is no mere goodbye."""
        step = self.steps[0] if self.steps else self.default
        if step != "reset":
            return False
        with contextlib.suppress(OSError):
            return bool(connection.sock.recv(1, socket.MSG_PEEK))
        return False

    def serve(self, connection, body):
        step = self.steps.popleft() if self.steps else self.default
        if step == "reset":  # a request that began before the script was set
            self.drop(connection, hard=True)
            return
        is_gzip = connection.header(b"content-encoding") == b"gzip"
        is_ok = step in ("take-reset", "cut", "trickle") or (
            step != "hang"
            and (step if isinstance(step, int) else step["status"]) in HTTP_OK
        )
        if is_ok and self.rules:
            refusal = self.rules.refusal(body, is_gzip=is_gzip)
            if refusal:
                step, is_ok = refusal, False
        self.keep(connection, body, step, is_gzip=is_gzip, is_ok=is_ok)
        if step == "hang":
            return
        if step == "take-reset":
            self.drop(connection, hard=True)
        elif step == "cut":
            self.send(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            self.drop(connection)
        elif step == "trickle":
            connection.trickle = answer({"status": 200, "body": LONG_BODY})
            self.trickling.add(connection)
        else:
            is_usual = step is self.default
            self.reply(connection, self.default_bytes if is_usual else answer(step))

    def keep(self, connection, body, step, *, is_gzip, is_ok):
        retry = connection.header(b"x-retry-count").decode() or None
        if self.kept_bytes + len(body) > KEPT_MAX:
            self.not_kept += 1
            body = b""
        self.kept_bytes += len(body)
        self.kept.append((time.monotonic(), step, is_ok, is_gzip, body, retry))

    def reply(self, connection, data):
        """Answer, after the latency that an endpoint far away has."""
        if self.latency:
            due = time.monotonic() + self.latency
            self.late.append((due, connection, data))
        else:
            self.send(connection, data)

    def send(self, connection, data):
        with contextlib.suppress(OSError):
            connection.sock.send(data)

    def trickle(self):
        now = time.monotonic()
        for connection in tuple(self.trickling):
            if now < connection.due:
                continue
            self.send(connection, connection.trickle[:1])
            connection.trickle = connection.trickle[1:]
            connection.due = now + TRICKLE_S
            if not connection.trickle or connection not in self.connections:
                self.trickling.discard(connection)

    def drop(self, connection, *, hard=False):
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        self.selector.unregister(connection.sock)
        with contextlib.suppress(OSError):
            if hard:
                connection.sock.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET
                )
            connection.sock.close()

    # -- commands ---------------------------------------------------------------

    def accept_control(self, listener):
        sock, _ = listener.accept()
        stream = sock.makefile("rwb")
        self.selector.register(
            sock, selectors.EVENT_READ, lambda _: self.read_control(sock, stream)
        )

    def read_control(self, sock, stream):
        try:
            line = stream.readline()
        except OSError:
            line = b""
        if not line:
            self.selector.unregister(sock)
            sock.close()
            return
        stream.write(json.dumps(self.command(json.loads(line))).encode() + b"\n")
        stream.flush()

    def command(self, request):
        """Do what *request* says; what it answers."""
        match request.pop("do"):
            case "reset":
                self.reset()
                if self.listener is None:
                    self.listen()
            case "script":
                self.set_script(request)
            case "refuse":
                self.refuse()
            case "listen" if self.listener is None:
                self.listen()
            case "report":
                return {
                    **summary(self.kept, **request),
                    "not_kept": self.not_kept,
                    "cpu_s": time.process_time() - self.cpu_mark,
                }
            case "take":  # for long runs: what came since the last time, and forget it
                kept, self.kept = self.kept, []
                self.kept_bytes = 0
                return {**summary(kept, ids=True), "not_kept": self.not_kept}
            case "peek":  # cheap enough to poll: nothing is parsed
                last = self.kept[-1][0] if self.kept else 0.0
                return {"requests": len(self.kept), "last": last}
        return {}

    def read_stdin(self, stdin):
        if not stdin.readline():
            self.running = False


if __name__ == "__main__":
    server = Server()
    ports = {"port": server.port, "control": server.control.getsockname()[1]}
    print(json.dumps(ports), flush=True)
    server.run()
