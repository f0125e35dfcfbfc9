import random
import threading
import time

import pytest
from delivery_bench import DEFAULTS, KEY, Bench
from delivery_collector import Collector

from segment_integrations.core.counters import Drops, Throttle
from segment_integrations.delivery.engine import Delivery
from segment_integrations.delivery.options import Options
from segment_integrations.delivery.spool import Spool
from segment_integrations.delivery.transport import HttpTransport


@pytest.fixture(autouse=True)
def _direct(monkeypatch):
    """Keep a proxy of whoever runs the tests out of them."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def bench():
    return Bench


@pytest.fixture
def collector():
    """Make collectors that end with the test."""
    made = []

    def make(*script, **options):
        made.append(Collector(*script, **options))
        return made[-1]

    yield make
    for one in made:
        one.__exit__()


@pytest.fixture
def deliver(collector):
    """Make deliveries to a collector, closed with the test."""
    made = []

    def make(target, *, gzip=True, drops=None, rand=random.random, **options):
        throttle = Throttle()
        transport = (
            target
            if hasattr(target, "send")
            else HttpTransport(KEY, target.host, gzip=gzip, proxy=None)
        )
        options = {**DEFAULTS, "flush_interval": 0.01, "timeout": 5.0, **options}
        made.append(
            Delivery(
                transport,
                Options(**options, rand=rand),
                drops=drops or Drops(throttle),
                throttle=throttle,
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.close(0)


@pytest.fixture
def eventually():
    """Wait, bounded, until *condition* holds."""

    def wait(condition, timeout=10.0):
        deadline = time.monotonic() + timeout
        pause = threading.Event()
        while not condition():
            assert time.monotonic() < deadline, "it never came to be"
            pause.wait(0.005)

    return wait


@pytest.fixture
def directory(tmp_path):
    """Where spools are; it does not exist yet."""
    return tmp_path / "spool"


@pytest.fixture
def spool(directory):
    """Make spools on one directory, released with the test."""
    made = []

    def make(write_key=KEY, **options):
        made.append(Spool(directory, write_key, failed=errors.append, **options))
        return made[-1]

    errors = make.errors = []
    yield make
    for one in made:
        one.release()


@pytest.fixture
def deliver_spooled(deliver, directory):
    """Make deliveries with a spool on the directory."""

    def make(target, mode="always", **options):
        given = {
            "spool": mode,
            "spool_dir": directory,
            "overflow": "spill",
            "write_key": KEY,
            "flush_at": 10,
            **options,
        }
        return deliver(target, **given)

    return make
