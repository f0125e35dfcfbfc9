"""
A Django program on PostgreSQL: says what left and what was rolled back, as JSON.

To be run with the port of a server on 127.0.0.1 that trusts the user `tests`.
"""

import contextlib
import json
import sys

import django
from django.conf import settings

settings.configure(
    DATABASES={
        alias: {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": "tests",
            "HOST": "127.0.0.1",
            "PORT": sys.argv[1],
        }
        for alias, name in [("default", "postgres"), ("replica", "template1")]
    },
    INSTALLED_APPS=["segment_integrations.django"],
    SEGMENT={"WRITE_KEY": "key"},
    USE_TZ=True,
)
django.setup()

from django.db import IntegrityError, connection, transaction  # noqa: E402

from segment_integrations import bind, track  # noqa: E402
from segment_integrations.django import config  # noqa: E402
from segment_integrations.testing import capture  # noqa: E402

found = {}


class RefusedError(Exception):
    """Rolls a transaction back."""


def run(name, work, error=RefusedError):
    """Note what left by *work*, what was rolled back, and what still waits."""
    before = rolled_back()
    with capture() as events, bind(user_id="u"):
        with contextlib.suppress(error):
            work()
        found[name] = [
            [one["event"] for one in events.tracks],
            rolled_back() - before,
            config.analytics()._pipeline._deferrals.held_bytes,
        ]


def rolled_back():
    return config.analytics().stats().dropped.get("rolled_back", 0)


def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


def fails(work):
    try:
        with transaction.atomic():
            work()
    except (IntegrityError, RefusedError):
        return


def savepoints():
    with transaction.atomic():
        track("Outer")

        def inner():
            track("Inner")
            execute("INSERT INTO orders VALUES (1)")
            execute("INSERT INTO orders VALUES (1)")

        fails(inner)
        with transaction.atomic():
            track("Kept")
        track("After")


def commit_fails():
    with transaction.atomic():
        track("A")
        execute("INSERT INTO lines VALUES (7)")


def connection_is_lost():
    with transaction.atomic():
        track("A")
        execute("SELECT pg_terminate_backend(pg_backend_pid())")


def connection_is_closed():
    with transaction.atomic():
        track("A")
        connection.close()


def two_databases():
    with transaction.atomic(using="replica"):
        with transaction.atomic():
            track("A")
        track("B")
    with transaction.atomic():
        track("C")
        try:
            with transaction.atomic(using="replica"):
                track("D")
                raise RefusedError  # noqa: TRY301 - ends the block
        except RefusedError:
            pass


def another_callback():
    def raises():
        raise RefusedError

    with transaction.atomic():
        transaction.on_commit(raises)
        track("A")


execute("CREATE TABLE orders (id integer PRIMARY KEY)")
execute(
    "CREATE TABLE lines (o integer REFERENCES orders DEFERRABLE INITIALLY DEFERRED)"
)
run("savepoints", savepoints)
run("commit fails", commit_fails, IntegrityError)
run("two databases", two_databases)
run("another callback", another_callback)
run("closed", connection_is_closed, Exception)
run("lost", connection_is_lost, Exception)
sys.stdout.write(json.dumps(found))
