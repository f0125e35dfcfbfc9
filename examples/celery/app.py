"""
A site that sends tasks, and the tasks.

Run them with ``SEGMENT_WRITE_KEY=... gunicorn app:site`` and
``SEGMENT_WRITE_KEY=... celery -A app:app worker``.
"""

import os
import secrets
from html import escape

from celery import Celery
from flask import Flask, session

from segment_integrations import track
from segment_integrations.celery import install
from segment_integrations.flask import Segment

app = Celery(__name__, broker=os.environ.get("BROKER_URL", "redis://localhost"))
install(app)

site = Flask(__name__)
site.config.update(SECRET_KEY=secrets.token_hex(), SEGMENT_ANONYMOUS_COOKIE=True)
Segment(site)


@app.task
def send_invoice(number):
    track("Invoice Sent", {"number": number})  # about whom the request was about


@app.task(segment_identity=False)
def tidy_up():
    """The identity of who happens to start it does not travel with this task."""


@site.get("/products/<slug>")
def product(slug):
    return f"<h1>{escape(slug)}</h1>"


@site.post("/orders/<int:number>")
def order(number):
    session["user_id"] = "user-1"
    send_invoice.delay(number)
    return {"ok": True}
