"""The four clients behind one face, so that each is driven by the same lines."""

import threading
from importlib.metadata import version

KEY = "benchmark"
DISTRIBUTIONS = {
    "ours": "segment-integrations",
    "segment": "segment-analytics-python",
    "rudder": "rudder-sdk-python",
    "posthog": "posthog",
}
NAMES = tuple(DISTRIBUTIONS)


def versions():
    """The version of each client that is installed here."""
    return {name: version(package) for name, package in DISTRIBUTIONS.items()}


def bounded(call, timeout):
    """Run *call*, which knows no bound, for at most *timeout*; whether it ended."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(timeout)
    return not thread.is_alive()


class Ours:
    """
    segment-integrations.

    Args:
        host: The collector's base URL.
        gzip: On or off; None is the client's own default.
        queue: Events that its queue must hold, None for the default.
        options: The client's own settings.
    """

    def __init__(self, host, *, gzip=None, queue=None, **options):
        from segment_integrations import Analytics

        if gzip is not None:
            options["gzip"] = gzip
        if queue is not None:
            options["queue_bytes"] = max(32 * 1024 * 1024, queue * 6_000)
        self.client = Analytics(KEY, host=host, **options)
        self._track = self.client.track

    def track(self, event, properties):
        """One call; whether it was accepted."""
        return self._track(event, properties, user_id="user-1") is not None

    def flush(self, timeout=120.0):
        return self.client.flush(timeout)

    def close(self, timeout=5.0):
        self.client.close(timeout)
        return True


class Segment:
    """segment-analytics-python."""

    def __init__(self, host, *, gzip=None, queue=None, **options):
        from segment.analytics.client import Client

        if gzip is not None:
            options["gzip"] = gzip
        if queue is not None:
            options["max_queue_size"] = queue
        self.client = Client(KEY, host=host, **options)
        self._track = self.client.track

    def track(self, event, properties):
        return self._track("user-1", event, properties)[0]

    def flush(self, timeout=120.0):
        return bounded(self.client.flush, timeout)

    def close(self, timeout=5.0):
        return bounded(self.client.shutdown, timeout)


class Rudder(Segment):
    """rudder-sdk-python: an older analytics-python under another name."""

    def __init__(self, host, *, gzip=None, queue=None, **options):
        from rudderstack.analytics.client import Client

        if gzip is not None:
            options["gzip"] = gzip
        if queue is not None:
            options["max_queue_size"] = queue
        self.client = Client(KEY, host=host, **options)
        self._track = self.client.track


class Posthog:
    """posthog."""

    def __init__(self, host, *, gzip=None, queue=None, **options):
        from posthog import Posthog as Client

        if gzip is not None:
            options["gzip"] = gzip
        if queue is not None:
            options["max_queue_size"] = queue
        self.client = Client(KEY, host=host, **options)
        self._capture = self.client.capture

    def track(self, event, properties):
        accepted = self._capture(event, distinct_id="user-1", properties=properties)
        return accepted is not None

    def flush(self, timeout=120.0):
        self.client.flush(timeout)
        return True

    def close(self, timeout=5.0):
        return bounded(self.client.shutdown, timeout)


_CLASSES = {"ours": Ours, "segment": Segment, "rudder": Rudder, "posthog": Posthog}


def make(name, host, **options):
    """A client by its short *name*; see `Ours` for the options."""
    return _CLASSES[name](host, **options)
