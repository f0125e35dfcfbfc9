"""
The Celery app that the tests run workers of, in processes of their own.

Its broker is a folder, which needs no server: see ``BROKER_FOLDER``.
"""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

from segment_integrations import bind, set_user, track
from segment_integrations.celery import install


def make_app(folder):
    """An app whose messages are files in *folder*."""
    made = Celery("served", broker="filesystem://", set_as_current=False)
    made.conf.update(
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "data_folder_in": str(folder),
            "data_folder_out": str(folder),
            "control_folder": str(Path(folder) / "control"),
            "polling_interval": 0.02,
        },
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
    made = add_tasks(make_app(os.environ["BROKER_FOLDER"]))
    limit = os.environ.get("FLUSH_PER_TASK")
    install(made, flush_per_task=float(limit) if limit else None)
    return made


if "BROKER_FOLDER" in os.environ:
    app = served()
