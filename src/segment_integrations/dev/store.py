"""
What the collector has received, in one SQLite file.

One connection writes and one reads, each behind a lock, so that any thread may call.
The file is in WAL mode: other processes may read it while the collector writes.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

__all__ = ["MEMORY", "Order", "Store", "Stored", "default_database"]

Order = Literal["asc", "desc"]
"""Oldest first, or newest first."""

MEMORY: Final = ":memory:"
"""Names a temporary file that goes with the store: a file lets others read along."""

_APPLICATION_ID: Final = 0x53454749  # "SEGI", in the header of our files
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    copies INTEGER NOT NULL DEFAULT 1,
    body BLOB NOT NULL
)
"""
_ADD: Final = """
INSERT INTO messages (message_id, body) VALUES (?, ?)
ON CONFLICT (message_id) DO UPDATE SET copies = copies + 1
"""
_READ: Final = {
    "asc": "SELECT id, copies, body FROM messages WHERE id > ? ORDER BY id LIMIT ?",
    "desc": "SELECT id, copies, body FROM messages WHERE id > ?"
    " ORDER BY id DESC LIMIT ?",
}


class Stored(NamedTuple):
    """
    One message in the store.

    Args:
        cursor: Its position; later messages have a greater one.
        copies: How often its `messageId` came.
        body: Its JSON, `receivedAt` included.
    """

    cursor: int
    copies: int
    body: bytes


def default_database() -> Path:
    """The file that the command line uses: below the user's state directory."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "segment-integrations" / "collector.sqlite3"


class Store:
    """
    Messages in a SQLite file; thread-safe.

    Args:
        database: The file, made with its folder where missing. None and `MEMORY`
            stand for a temporary file that is removed on closing.

    Raises:
        ConfigurationError: The file can't be written, is no SQLite database, or is
            another program's.
    """

    def __init__(self, database: str | os.PathLike[str] | None = None) -> None:
        self._temporary: str | None = None
        if database is None or os.fspath(database) == MEMORY:
            self._temporary = tempfile.mkdtemp(prefix="segment-integrations-")
            database = Path(self._temporary, "collector.sqlite3")
        self.path = Path(database)
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._writer = self._connect()
            try:
                self._prepare()
                self._reader = self._connect()
            except BaseException:
                self._writer.close()
                raise
        except (OSError, sqlite3.Error) as err:
            reason = getattr(err, "strerror", None) or err
            raise ConfigurationError(
                f"database {str(self.path)!r} can't be used: {reason}",
                setting="database",
            ) from err

    def _connect(self) -> sqlite3.Connection:
        # isolation_level=None: transactions are written out where they matter.
        return sqlite3.connect(
            self.path, check_same_thread=False, isolation_level=None, timeout=10
        )

    def _prepare(self) -> None:
        """Make sure that the file is ours and writable before anything is changed."""
        writer = self._writer
        (owner,) = writer.execute("PRAGMA application_id").fetchone()
        (tables,) = writer.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if owner != _APPLICATION_ID and (owner or tables):
            raise sqlite3.DatabaseError("it belongs to another program")
        writer.execute("PRAGMA journal_mode = WAL")
        # A power cut may lose the last events of a development run, nothing else.
        writer.execute("PRAGMA synchronous = NORMAL")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        writer.execute(_TABLE)
        writer.execute("COMMIT")

    def add(self, messages: Sequence[dict[str, Any]], received_at: str) -> None:
        """
        Store *messages* in one transaction, each `messageId` once.

        Args:
            messages: Each with a `messageId`.
            received_at: Goes into each as `receivedAt`; ISO 8601, UTC.
        """
        rows = [
            (
                message["messageId"],
                msgspec.json.encode({**message, "receivedAt": received_at}),
            )
            for message in messages
        ]
        with self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                self._writer.executemany(_ADD, rows)
                self._writer.execute("COMMIT")
            except BaseException:
                self._writer.rollback()
                raise

    def read(
        self, *, limit: int = -1, after: int = 0, order: Order = "asc"
    ) -> list[Stored]:
        """
        Read messages that came after the cursor *after*.

        Args:
            limit: The most to read, from the end that *order* starts at; -1 is all.
            after: 0 is the beginning.
            order: Which end comes first.
        """
        with self._read_lock:
            rows = self._reader.execute(_READ[order], (after, limit)).fetchall()
        return [Stored(*row) for row in rows]

    def counts(self) -> tuple[int, int]:
        """How many messages are stored, and how many more came as duplicates."""
        with self._read_lock:
            row = self._reader.execute(
                "SELECT count(*), coalesce(sum(copies), 0) FROM messages"
            ).fetchone()
        return row[0], row[1] - row[0]

    def clear(self) -> None:
        """Forget all messages; cursors go on from where they were."""
        with self._write_lock:
            self._writer.execute("DELETE FROM messages")

    def close(self) -> None:
        """Close the file, and remove it where it is temporary."""
        with self._read_lock:
            self._reader.close()
        with self._write_lock:
            self._writer.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
