"""
The shop under a real server, in a process of its own.

uvicorn for FastAPI; gunicorn, as is their habit, for Flask and Django.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal

import urllib3

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

Framework = Literal["fastapi", "flask", "django"]

HOST: Final = "127.0.0.1"
START_S: Final = 30.0
STOP_S: Final = 15.0
LOG_LINES: Final = 20

_GUNICORN: Final = ["gunicorn", "--config", f"python:{__package__}.gunicorn_conf"]
_UVICORN: Final = ["uvicorn", "--no-access-log", "--timeout-graceful-shutdown", "5"]
_COMMANDS: Final[dict[Framework, list[str]]] = {
    "fastapi": [*_UVICORN, f"{__package__}.fastapi_shop:app"],
    "flask": [*_GUNICORN, f"{__package__}.flask_shop:app"],
    "django": [*_GUNICORN, f"{__package__}.django_shop.wsgi:application"],
}
_MODULES: Final[dict[Framework, tuple[str, ...]]] = {
    "fastapi": ("fastapi", "itsdangerous", "python_multipart", "uvicorn"),
    "flask": ("flask", "gunicorn"),
    "django": ("django", "gunicorn"),
}
# What is set for another application must not steer the shop.
_FOREIGN: Final = ("SEGMENT_", "UVICORN_", "GUNICORN_", "WEB_CONCURRENCY", "DJANGO_")


class PortTaken(Exception):  # noqa: N818 - it reads as what happened
    """A port that the user asked for can't be had; the text is one line."""


class DemoFailed(Exception):  # noqa: N818 - it reads as what happened
    """
    The demo can't go on.

    Args:
        text: Why, in one line.
        log: The last lines of the server's log, where they help.
    """

    def __init__(self, text: str, *, log: str = "") -> None:
        super().__init__(text)
        self.log = log


def missing(framework: Framework) -> list[str]:
    """The modules that the shop in *framework* needs and that are not installed."""
    return [name for name in _MODULES[framework] if find_spec(name) is None]


def free_port(asked: int | None, usual: int, option: str) -> int:
    """
    Choose a port of this machine.

    Args:
        asked: The port that the user wants; it has to be free. 0 is any.
        usual: What to take when none was asked for, if it is free.
        option: The option with which to ask for another, ``"--port"``.

    Raises:
        PortTaken: *asked* can't be had.
    """
    for port in (usual, 0) if asked is None else (asked,):
        with socket.socket() as probe:
            if os.name == "posix":  # elsewhere it would take a port in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                continue
            return int(probe.getsockname()[1])
    raise PortTaken(
        f"port {port} can't be had ({reason}): give {option} another,"
        " or leave it out for any"
    )


class Server:
    """
    The shop's server process; a context manager that ends it.

    Args:
        framework: Which shop.
        port: Where it listens, on this machine only.
        collector: The address that it sends its events to.
        folder: Where its database and log are made.
    """

    def __init__(
        self, framework: Framework, *, port: int, collector: str, folder: Path
    ) -> None:
        self.url = f"http://{HOST}:{port}"
        self._log = folder / "server.log"
        name, *arguments = _COMMANDS[framework]
        where = ["--bind", f"{HOST}:{port}"]
        if name == "uvicorn":
            where = ["--host", HOST, "--port", str(port)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - nothing in it is from outside
                [sys.executable, "-m", name, *where, *arguments],
                cwd=folder,
                env=environment(collector, folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for this process, which then ends the server in order.
                start_new_session=True,
            )

    def log(self) -> str:
        """The last lines that the server wrote."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES:])

    def check(self) -> None:
        """Raise `DemoFailed` if the server has ended."""
        if (code := self._process.poll()) is not None:
            text = f"the shop's server ended with code {code}"
            raise DemoFailed(text, log=self.log())

    def wait_ready(self) -> None:
        """Return when the shop answers."""
        until = time.monotonic() + START_S
        with urllib3.PoolManager(retries=False, timeout=2) as pool:
            while time.monotonic() < until:
                self.check()
                with suppress(urllib3.exceptions.HTTPError):
                    pool.request("GET", f"{self.url}/favicon.ico")
                    return
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.05)
        text = f"the shop did not answer within {START_S:.0f} seconds"
        raise DemoFailed(text, log=self.log())

    def stop(self) -> None:
        """Ask the server to end with SIGTERM, as a deployment does; wait for it."""
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            if sys.platform == "win32":
                self._process.kill()
            else:  # its workers too: the session is the one made above
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


def environment(collector: str, folder: Path) -> dict[str, str]:
    """The environment in which a shop sends to *collector* and keeps to *folder*."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN)
    }
    direct = ",".join(filter(None, [kept.get("NO_PROXY"), HOST]))
    return kept | {
        "SEGMENT_WRITE_KEY": "demo",
        "SEGMENT_HOST": collector,
        "SHOP_DATABASE": str(folder / "shop.sqlite3"),
        "NO_PROXY": direct,
        "no_proxy": direct,
    }
