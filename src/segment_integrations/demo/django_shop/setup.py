"""What has to be there before the first request: the tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from django.core.management import call_command

from segment_integrations.demo import users


def prepare() -> None:
    """
    Make the tables, once, however many processes of a server start together.

    The lock is a transaction in a file of its own: it works on every platform, and a
    process that dies lets go of it.
    """
    path = users.database()
    lock = path.with_name(f"{path.name}.lock")
    with closing(sqlite3.connect(lock, timeout=30, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        call_command("migrate", verbosity=0, interactive=False)
