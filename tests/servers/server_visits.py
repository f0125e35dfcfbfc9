"""What browsers do at a served application; what came of it is checked later."""

from __future__ import annotations

import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.cookies import SimpleCookie

import urllib3
from server_processes import WAIT_S
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from segment_integrations.testing import BROWSER_HEADERS

USERS = 200
VISITORS = 16
LOAD = 400
"""Requests at most, while the server is told to end."""
LOAD_BEFORE_STOP = 120
LOADERS = 6
PATHS = [
    ("GET", "/page/1"),
    ("HEAD", "/page/1"),
    ("OPTIONS", "/page/1"),
    ("POST", "/logout/none"),
    ("GET", "/page/none"),
    ("GET", "/old"),
    ("GET", "/wide"),
    ("GET", "/me"),
    ("GET", "/broken"),
]


def headers_of(visitor, **more):
    return {
        **BROWSER_HEADERS,
        "Cookie": f"ajs_anonymous_id={visitor}",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def raw(process, method, path, headers):
    """The status, the headers but two, and the body, as they came."""
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=WAIT_S)
    with closing(connection):
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        found = [
            (name, value)
            for name, value in response.getheaders()
            if name.lower() not in {"date", "x-message"}
        ]
        return response.status, response.reason, found, body


def compare_with_bare(process):
    """Each answer is that of the twin without us."""
    for method, path in PATHS:
        ours = raw(process, method, path, headers_of("same"))
        bare = raw(process, method, path, headers_of("same", X_Bare="1"))
        assert bare == ours, (method, path)
        if path == "/broken":
            assert 500 == ours[0]


def visit_on_one_connection(process):
    """An identified user, and then nobody, keep one connection alive."""
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=WAIT_S)
    with closing(connection):
        for path in ("/who/kept", "/anybody", "/awho/kept", "/anybody"):
            connection.request("GET", path, headers=headers_of("alive"))
            response = connection.getresponse()
            response.read()
            assert 200 == response.status


def visit_as_many(process, kinds):
    """Many users come at once, to views of the *kinds* in turn."""

    def one(number):
        path = f"/{kinds[number % len(kinds)]}/user-{number}"
        response = pool.request(
            "GET", f"{process.url}{path}", headers=headers_of(f"visitor-{number}")
        )
        return response.status

    with (
        urllib3.PoolManager(maxsize=VISITORS, timeout=WAIT_S, retries=2) as pool,
        ThreadPoolExecutor(VISITORS) as visitors,
    ):
        assert {200} == set(visitors.map(one, range(USERS)))


def sign_in_and_out(process):
    """A browser signs in, looks, signs out, and looks again."""
    jar = SimpleCookie({"ajs_anonymous_id": "signer"})
    for method, path in (
        ("POST", "/login"),
        ("GET", "/me"),
        ("POST", "/logout"),
        ("GET", "/anybody"),
    ):
        cookies = "; ".join(f"{name}={one.coded_value}" for name, one in jar.items())
        sent = {**headers_of("signer"), "Cookie": cookies}
        status, _, headers, _ = raw(process, method, path, sent)
        assert status in {200, 302, 303}
        for name, value in headers:
            if name.lower() == "set-cookie":
                jar.load(value)
                if "Max-Age=0" in value or "1970" in value:
                    del jar[value.partition("=")[0]]


def stream(process, release):
    """The first chunk is there while the application holds back the rest."""
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=WAIT_S)
    with closing(connection):
        connection.request("GET", "/stream", headers=headers_of("streamer"))
        response = connection.getresponse()
        first = response.read1()
        release.touch()
        assert b"<p>first " == first
        assert b"<p>last" == response.read()


def talk(process, texts):
    """A websocket to `/socket`, which answers each text."""
    with socket.create_connection(("127.0.0.1", process.port), WAIT_S) as sock:
        talker = WSConnection(ConnectionType.CLIENT)
        cookie = [(b"cookie", b"ajs_anonymous_id=talker")]
        sock.sendall(
            talker.send(
                Request(host="127.0.0.1", target="/socket", extra_headers=cookie)
            )
        )
        left, answers = iter([*texts, "end"]), []
        while True:
            talker.receive_data(sock.recv(65_536) or None)
            for event in talker.events():
                if isinstance(event, TextMessage):
                    answers.append(event.data)
                if isinstance(event, AcceptConnection | TextMessage):
                    sock.sendall(talker.send(TextMessage(next(left))))
                if isinstance(event, CloseConnection):
                    return answers


class Load:
    """Requests at once, until the server is gone; what was accepted is kept."""

    def __init__(self, process):
        self.process = process
        self.accepted = []
        self.numbers = iter(range(LOAD))
        self.lock = threading.Lock()
        self.is_enough = threading.Event()
        self.threads = [threading.Thread(target=self._run) for _ in range(LOADERS)]

    def _run(self):
        with urllib3.PoolManager(maxsize=1, timeout=WAIT_S, retries=False) as pool:
            while True:
                with self.lock:
                    number = next(self.numbers, None)
                if number is None:
                    return
                try:
                    response = pool.request(
                        "GET",
                        f"{self.process.url}/page/{number}",
                        headers=headers_of(f"load-{number}"),
                    )
                except urllib3.exceptions.HTTPError:
                    return
                if 200 != response.status:
                    return
                with self.lock:
                    self.accepted.append(response.headers["X-Message"])
                    if LOAD_BEFORE_STOP == len(self.accepted):
                        self.is_enough.set()

    def stop_under_it(self):
        """Send SIGTERM while requests are under way; the exit code."""
        for thread in self.threads:
            thread.start()
        assert self.is_enough.wait(WAIT_S), self.process.text
        self.process.terminate()
        code = self.process.ended()
        for thread in self.threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()
        return code
