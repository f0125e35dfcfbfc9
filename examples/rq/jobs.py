"""Jobs of RQ, run by ``SEGMENT_WRITE_KEY=... rq worker``."""

from contextlib import contextmanager

from rq import get_current_job

from segment_integrations import bind, current, flush, track


def sender():
    """Whom a job is about: ``queue.enqueue(send_invoice, 7, meta=sender())``."""
    context = current()
    if context is None:
        return {}
    ids = {"user_id": context.user_id, "anonymous_id": context.anonymous_id}
    return {"segment": ids}


@contextmanager
def about_sender():
    """Let a job's events be about its sender, and deliver them before it ends."""
    with bind(**get_current_job().meta.get("segment", {})):
        try:
            yield
        finally:
            flush(timeout=5)  # RQ ends the process without Python's own hooks


@about_sender()
def send_invoice(number):
    track("Invoice Sent", {"number": number})
