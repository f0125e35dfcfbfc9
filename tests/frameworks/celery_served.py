"""
The Celery app that the tests run workers of, in processes of their own.

Its broker is a Redis: see ``SERVED_BROKER``.
"""

from __future__ import annotations

import os

from celery import Celery

from segment_integrations import bind, set_user, track
from segment_integrations.celery import install


def make_app(broker):
    """An app whose messages go by *broker*, an address."""
    made = Celery("served", broker=broker, set_as_current=False)
    made.conf.update(
        broker_connection_retry_on_startup=True,
        task_ignore_result=True,
        worker_hijack_root_logger=False,
    )
    return made


def add_tasks(made):
    """What the tests send; the same names in the sender and in the worker."""

    @made.task(shared=False, name="work")
    def work(name, **properties):
        track(name, properties)

    @made.task(shared=False, name="signing_in")
    def signing_in(name):
        set_user("by-task")
        track(name)
        work.delay(f"{name} below")

    @made.task(shared=False, name="again", bind=True, max_retries=2)
    def again(self, name):
        track(name, {"attempt": self.request.retries})
        if self.request.retries < 2:
            raise self.retry(countdown=0)

    @made.task(shared=False, name="failing")
    def failing(name):
        track(name)
        raise RuntimeError("as it was told to")

    @made.task(shared=False, name="headers", bind=True)
    def headers(self, name):
        kept = dict(self.request.headers)
        track(name, {"headers": sorted(kept), "own": kept.get("own")})

    @made.task(shared=False, name="private", segment_identity=False)
    def private(name):
        with bind(anonymous_id="nobody"):
            track(name)

    @made.task(shared=False, name="killed")
    def killed():
        os._exit(9)

    return made


def served():
    """The app of a worker's process; its client is made of the environment."""
    made = add_tasks(make_app(os.environ["SERVED_BROKER"]))
    limit = os.environ.get("FLUSH_PER_TASK")
    install(made, flush_per_task=float(limit) if limit else None)
    return made


if "SERVED_BROKER" in os.environ:
    app = served()
