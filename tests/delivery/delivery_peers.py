"""Peers on raw sockets, for what an HTTP server does not do, and what meets them."""

import base64
import contextlib
import select
import socket
import ssl
import threading
from contextlib import closing

from delivery_bench import KEY, body

from segment_integrations.core.ports import Batch
from segment_integrations.delivery.transport import HttpTransport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LOGIN = base64.b64encode(f"{KEY}:".encode())


def batch(*events, attempt=0, timeout=5.0):
    return Batch(tuple(body(event) for event in events), attempt, timeout)


def posted(peer, *events, timeout=5.0, **options):
    """Post one batch to *peer* over a connection of its own and give the answer."""
    host = getattr(peer, "host", peer)
    with closing(HttpTransport(KEY, host, **options)) as transport:
        return transport.send(batch(*(events or ("a",)), timeout=timeout))


def server_tls(ca, *names, **options):
    """A server's context with a certificate of *ca* for *names*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*(names or ("127.0.0.1",)), **options).configure_cert(context)
    return context


class Peer:
    """Runs `handle(sock, peer)` on a thread of its own for each connection."""

    scheme = "http"

    def __init__(self, handle, *, receive_bytes=None):
        self._handle = handle
        self.stop = threading.Event()
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        if receive_bytes:
            self._listener.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes
            )
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.port = self._listener.getsockname()[1]
        self.host = f"{self.scheme}://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _accept(self):
        while not self.stop.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            sock.settimeout(15)
            thread = threading.Thread(target=self._run, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _run(self, sock):
        with sock, contextlib.suppress(OSError):
            self._handle(sock, self)


def read_head(sock):
    """Read up to the empty line, byte by byte: what follows is somebody else's."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = sock.recv(1)
        if not part:
            raise ConnectionResetError
        head += part
    return head


def read_request(sock):
    """Read a request with a `Content-Length`; give its head."""
    head = read_head(sock)
    names = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
    left = int(names[b"Content-Length"])
    while left:
        left -= len(sock.recv(min(left, 65_536)) or [0] * left)
    return head


def trickle(sock, peer, data, *, pause=0.02, most=600):
    """Send *data* a byte at a time, the last over and over, for 12 s at most."""
    for place in range(most):
        sock.sendall(data[min(place, len(data) - 1) :][:1])
        if peer.stop.wait(pause):
            return


def answers(*steps):
    """Answer each request of a connection with the next of *steps*, then end it."""

    def handle(sock, _peer):
        for step in steps:
            head = read_request(sock)
            sock.sendall(step(head) if callable(step) else step)

    return handle


class Relay(Peer):
    """
    Passes bytes on to *port*, those of one direction slowly once `slow` is set.

    Args:
        port: The server's.
        down: Whether the slow direction is that of the answers.
    """

    def __init__(self, port, *, down, slow=True, scheme="https", **options):
        self.scheme = scheme
        self.slow = threading.Event()
        if slow:
            self.slow.set()
        self._port = port
        self._down = down
        super().__init__(self._relay, **options)

    def _relay(self, client, _peer):
        with socket.create_connection(("127.0.0.1", self._port), 15) as server:
            up = threading.Thread(target=self._pump, args=(client, server, False))
            up.start()
            self._pump(server, client, True)
            up.join(20)

    def _pump(self, source, target, is_down):
        with contextlib.suppress(OSError):
            while not self.stop.is_set():
                part = source.recv(16_384)
                if not part:
                    break
                is_slow = self.slow.is_set() and is_down == self._down
                if is_slow and is_down:
                    for place in range(len(part)):
                        target.sendall(part[place : place + 1])
                        if self.stop.wait(0.02):
                            return
                    continue
                target.sendall(part)
                if is_slow:
                    self.stop.wait(0.05)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class ConnectProxy(Peer):
    """
    An HTTP proxy that knows CONNECT only.

    Args:
        ports: Port by host name: where a tunnel leads to, whatever port it asks for.
        answer: What is said to a CONNECT instead of opening a tunnel.
        tls: A server's context, for a proxy that itself is spoken to over TLS.
    """

    def __init__(self, ports=None, *, answer=None, tls=None):
        self.scheme = "https" if tls else "http"
        self.heads = []
        self._ports = ports or {}
        self._answer = answer
        self._tls = tls
        super().__init__(self._tunnel)

    def _tunnel(self, sock, peer):
        client = sock
        if self._tls:
            client = self._tls.wrap_socket(sock, server_side=True)
        with client:
            head = read_head(client)
            self.heads.append(head)
            if self._answer is not None:
                if callable(self._answer):
                    self._answer(client, peer)
                else:
                    client.sendall(self._answer)
                return
            host = head.split()[1].rpartition(b":")[0].decode()
            with socket.create_connection(("127.0.0.1", self._ports[host])) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _exchange(client, server, peer.stop)


def _exchange(client, server, stop):
    """Pass bytes on, on one thread: a TLS socket is not for two."""
    other = {client: server, server: client}
    while not stop.is_set():
        buffered = getattr(client, "pending", int)()
        ready = [client] if buffered else select.select([*other], [], [], 0.05)[0]
        for source in ready:
            part = source.recv(16_384)
            if not part:
                return
            other[source].sendall(part)
