"""What has to be there before the first request: the tables."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final

from django.core.management import call_command
from django.db import connections

from segment_integrations.demo import users

LOCK_TIMEOUT_S: Final = 30.0


def prepare() -> None:
    """
    Make the tables, once, however many processes of a server start together.

    In a thread of its own: uvicorn imports the app on its event loop, where Django's
    database calls are refused.
    """
    with ThreadPoolExecutor(1) as executor:
        executor.submit(_migrate).result()


def _migrate() -> None:
    """
    Migrate under a lock, and leave no connection open for a fork to inherit.

    The lock is a transaction in a file of its own: it works on every platform, and a
    process that dies lets go of it.
    """
    path = users.database()
    lock = path.with_name(f"{path.name}.lock")
    with closing(
        sqlite3.connect(lock, timeout=LOCK_TIMEOUT_S, isolation_level=None)
    ) as db:
        db.execute("BEGIN EXCLUSIVE")
        try:
            call_command("migrate", verbosity=0, interactive=False)
        finally:
            connections.close_all()
