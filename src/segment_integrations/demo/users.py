"""
The users of the FastAPI and Flask shops, and the secret that signs their cookies.

Both are in one SQLite file, ``SHOP_DATABASE``, so that every process of a server
shares them. Django brings a user table and hashers of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS shop_secret (
    id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS shop_user (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    salt BLOB NOT NULL,
    hash BLOB NOT NULL,
    created_at TEXT NOT NULL
);
"""
SQLITE_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signed up."""

    id: str
    username: str
    name: str
    created_at: str

    @property
    def traits(self) -> dict[str, Any]:
        """What analytics may know: never the password, nor how to reach them."""
        return {"name": self.name, "createdAt": self.created_at}


def database() -> Path:
    """The file that holds users, sessions and the secret."""
    return Path(os.environ.get("SHOP_DATABASE", "shop.sqlite3"))


@contextmanager
def connection() -> Iterator[sqlite3.Connection]:
    """A connection with the tables made; commits at the end, and is closed."""
    with closing(sqlite3.connect(database(), timeout=SQLITE_TIMEOUT_S)) as db, db:
        db.executescript(SCHEMA)
        yield db


def secret() -> str:
    """The key that signs cookies: made once, then the same in every process."""
    with connection() as db:
        db.execute(
            "INSERT OR IGNORE INTO shop_secret VALUES (1, ?)",
            (secrets.token_urlsafe(32),),
        )
        (value,) = db.execute("SELECT value FROM shop_secret").fetchone()
    return str(value)


def problem(name: str, username: str, password: str) -> str:
    """Why nobody can sign up with these, or an empty text."""
    if not (name.strip() and username.strip() and password):
        return "Please fill in every field."
    return ""


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def create(username: str, name: str, password: str) -> User | None:
    """The new user, or None where the username is taken."""
    salt = secrets.token_bytes(16)
    created_at = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with connection() as db:
            cursor = db.execute(
                "INSERT INTO shop_user (username, name, salt, hash, created_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (username, name, salt, _hashed(password, salt), created_at),
            )
    except sqlite3.IntegrityError:
        return None
    return User(str(cursor.lastrowid), username, name, created_at)


def authenticate(username: str, password: str) -> User | None:
    """The user whose password this is; the time taken does not tell who exists."""
    with connection() as db:
        row = db.execute(
            "SELECT id, username, name, created_at, salt, hash FROM shop_user"
            " WHERE username = ?",
            (username,),
        ).fetchone()
    salt, known = row[4:] if row else (b"no such user....", b"")
    if not hmac.compare_digest(_hashed(password, salt), known):
        return None
    return User(str(row[0]), *row[1:4])


def by_id(user_id: object) -> User | None:
    """The user that a session names, if there is one."""
    if user_id is None:
        return None
    with connection() as db:
        row = db.execute(
            "SELECT id, username, name, created_at FROM shop_user WHERE id = ?",
            (str(user_id),),
        ).fetchone()
    return User(str(row[0]), *row[1:]) if row else None
