"""Transactions of a real PostgreSQL server, where one is installed."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import sessionmaker

from segment_integrations.sqlalchemy import hold_events

PROGRAM = Path(__file__).with_name("postgres_django.py")


def binaries():
    """The folder of the server's programs; they are not on PATH in Debian."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


@pytest.fixture(scope="module")
def port():
    """The port of a server of our own on 127.0.0.1, with an empty database."""
    folder = binaries()
    if folder is None:
        pytest.skip("no PostgreSQL server is installed (initdb was not found)")
    pytest.importorskip("psycopg")
    user = {"user": "postgres"} if os.getuid() == 0 else {}  # it refuses to be root
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        if user:
            try:
                shutil.chown(home, "postgres")
            except LookupError:
                pytest.skip("PostgreSQL needs a user that is not root")
        data = Path(home) / "data"
        options = ["-U", "tests", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"]
        subprocess.run(
            [folder / "initdb", "-D", data, *options],
            check=True,
            capture_output=True,
            cwd=home,
            timeout=120,
            **user,
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
        }
        arguments = [
            part
            for item in settings.items()
            for part in ("-c", "=".join(map(str, item)))
        ]
        server = subprocess.Popen(
            [folder / "postgres", "-D", data, *arguments],
            cwd=home,
            stderr=subprocess.DEVNULL,
            **user,
        )
        try:
            wait_for(folder, port)
            yield port
        finally:
            server.terminate()
            server.wait(60)


def wait_for(folder, port):
    """Until the server takes connections, which it tells by itself."""
    deadline = time.monotonic() + 60
    command = [folder / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "5"]
    while subprocess.run(command, capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.05)


def test_de7_django_on_postgresql(port):
    """DE-7: What PostgreSQL commits is sent; what it does not is counted."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", PROGRAM, str(port)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert 0 == ran.returncode, ran.stderr
    assert {
        "savepoints": [["Outer", "Kept", "After"], 1, 0],
        "commit fails": [[], 1, 0],
        "two databases": [["A", "B", "C"], 1, 0],
        "another callback": [["A"], 0, 0],
        "closed": [[], 1, 0],
        "lost": [[], 1, 0],
    } == json.loads(ran.stdout)


def test_sqlalchemy_on_postgresql(port, analytics, sent, rolled_back):
    """The same by SQLAlchemy: a savepoint, a failing commit, a lost connection."""
    engine = create_engine(f"postgresql+psycopg://tests@127.0.0.1:{port}/postgres")
    maker = sessionmaker(engine)
    hold_events(maker)
    with maker.begin() as session:
        session.execute(text("CREATE TABLE o (id integer PRIMARY KEY)"))
        session.execute(
            text(
                "CREATE TABLE l (o integer REFERENCES o DEFERRABLE INITIALLY DEFERRED)"
            )
        )
        savepoint = session.begin_nested()
        analytics.track("Inner", user_id="u")
        session.execute(text("INSERT INTO o VALUES (1)"))
        savepoint.rollback()
        analytics.track("Outer", user_id="u")
    assert ["Outer"] == sent
    with maker() as session:
        session.execute(text("INSERT INTO l VALUES (7)"))
        analytics.track("A", user_id="u")
        with pytest.raises(IntegrityError):
            session.commit()
    assert 2 == rolled_back()
    with maker() as session:
        session.execute(text("INSERT INTO o VALUES (2)"))
        analytics.track("B", user_id="u")
        with pytest.raises(DBAPIError):
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert 3 == rolled_back()
    assert ["Outer"] == sent
    engine.dispose()
