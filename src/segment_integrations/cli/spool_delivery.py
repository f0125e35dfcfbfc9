"""
Delivers what ended processes left, by the same engine that their programs use.

Retries, splitting and dead letters are therefore the same, and so is the order. Only
age counts for nothing here: somebody has asked for these events.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from segment_integrations.cli import spool_dead
from segment_integrations.cli.spool_survey import Process, survey
from segment_integrations.cli.words import WrongCall
from segment_integrations.core.counters import Drops, Throttle
from segment_integrations.core.message import EVENT_MAX_BYTES
from segment_integrations.core.settings import ENVIRONMENT_PREFIX, Settings
from segment_integrations.delivery.engine import Delivery
from segment_integrations.delivery.folders import (
    fingerprint,
)
from segment_integrations.delivery.options import Options
from segment_integrations.delivery.spool import (
    Spool,
)
from segment_integrations.delivery.transport import HttpTransport
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from segment_integrations.core.stats import Stats
    from segment_integrations.delivery.dead import DeadLetter

STEP_S: Final = 0.1
"""How often progress is shown. Source: ours."""

GRACE_S: Final = 1.0
"""What the end may take, for the answer to the request under way. Source: ours."""

USED: Final = (
    "write_key",
    "host",
    "gzip",
    "timeout",
    "proxy",
    "ca_bundle",
    "flush_at",
    "queue_bytes",
)
"""Settings that a replay has a use for; the program's own hooks are not among them."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a replay sends, and what belongs to it."""

    settings: Settings
    directory: Path

    @classmethod
    def resolve(
        cls,
        directory: Path,
        write_key: str | None,
        host: str | None,
        environ: Mapping[str, str],
    ) -> Target:
        """
        Read the settings.

        Raises:
            WrongCall: One is missing or wrong.
        """
        names = {ENVIRONMENT_PREFIX + name.upper() for name in USED}
        try:
            settings = Settings.resolve(
                {
                    "write_key": write_key,
                    "host": host,
                    "spool": "overflow",
                    "spool_dir": directory,
                },
                environ={
                    name: value for name, value in environ.items() if name in names
                },
            )
            HttpTransport.from_settings(settings)  # the proxy of the environment
        except ConfigurationError as error:
            raise WrongCall(str(error)) from error
        if settings.write_key is None:
            raise WrongCall(
                "the write key is missing: give --write-key or set SEGMENT_WRITE_KEY"
            )
        return cls(settings, directory)

    @property
    def write_key(self) -> str:
        """The write key, which is there."""
        return self.settings.write_key or ""

    @property
    def key(self) -> str:
        """The write key's fingerprint."""
        return fingerprint(self.write_key)


@dataclass(slots=True)
class Result:
    """
    What became of a replay; all but the last three are numbers of events.

    Args:
        put_back: Dead letters that were put back into the spool.
        too_large: Dead letters that stay, for no endpoint takes them.
        delivered: What the endpoint took.
        dead: What it refused for good, so that it is a dead letter now.
        damaged: Records that could not be read, or that the disk has lost.
        left: What is still there of processes that have ended.
        alive: What processes have that live; they send it themselves.
        another_key: What another write key's processes left.
        reason: Why something is left.
        last_error: The last failed attempt's status or error type.
    """

    put_back: int = 0
    too_large: int = 0
    delivered: int = 0
    dead: int = 0
    damaged: int = 0
    left: int = 0
    alive: int = 0
    another_key: int = 0
    reason: str | None = None
    last_error: str | None = None
    interrupted: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether everything that was there has been delivered."""
        return not (
            self.left
            or self.dead
            or self.damaged
            or self.too_large
            or self.interrupted
            or self.reason
        )


def wanted_of(target: Target, **filters: Any) -> spool_dead.Wanted:
    """The dead letters that a replay puts back."""
    return spool_dead.Wanted(key=target.key, max_bytes=EVENT_MAX_BYTES, **filters)


def sort_out(processes: list[Process], key: str) -> tuple[int, int, int]:
    """Events of *processes* to replay, of living ones, and of other write keys."""
    left = alive = another = 0
    for process in processes:
        if process.folder.fingerprint != key:
            another += process.events if process.state == "left" else 0
        elif process.state == "left":
            left += process.events
        else:
            alive += process.events
    return left, alive, another


def put_back(target: Target, wanted: spool_dead.Wanted) -> int:
    """
    Move dead letters into a folder of the spool like one that a process left.

    Returns:
        How many.

    Raises:
        OSError: The disk refused. No letter is lost, some may be there twice.
    """
    spool = Spool(
        target.directory, target.write_key, failed=_raise, max_bytes=sys.maxsize
    )

    def save(letters: list[DeadLetter]) -> None:
        file = spool.new_file()
        try:
            file.append([bytes(letter.message) for letter in letters])
            file.sync()
            _sync_folder(spool.path)
        except OSError:
            with suppress(OSError):
                file.path.unlink()
            raise

    spool.prepare()
    try:
        return spool_dead.take(target.directory, wanted, save)
    finally:
        spool.release()


def replay(target: Target, patience: float, tell: Callable[[Stats], object]) -> Result:
    """
    Deliver what is there.

    Args:
        target: Where to, and from where.
        patience: Seconds without anything being settled, after which it stops.
        tell: Told the figures from time to time.

    Returns:
        What became of it. What is not delivered stays in the spool.
    """
    options = replace(
        Options.of(target.settings),
        max_age=float("inf"),
        # Nothing may be dropped for room: this process only makes some.
        spool_max_bytes=sys.maxsize,
    )
    throttle = Throttle()
    delivery = Delivery(
        HttpTransport.from_settings(target.settings),
        options,
        drops=Drops(throttle),
        throttle=throttle,
    )
    result = Result()
    try:
        _work(delivery, patience, tell)
    except KeyboardInterrupt:
        result.interrupted = True
        result.reason = "interrupted"
    health = delivery.health()
    delivery.close(GRACE_S)
    stats = delivery.stats()
    tell(stats)
    result.delivered = stats.delivered
    result.dead = stats.dead
    result.damaged = sum(stats.dropped.values())
    result.last_error = stats.last_error
    result.left, result.alive, result.another_key = sort_out(
        survey(target.directory), target.key
    )
    if stats.spool_error is not None:
        result.reason = f"the spool can't be used: {stats.spool_error}"
    elif result.left and result.reason is None:
        result.reason = health.reason or (
            f"nothing got through: {stats.last_error}"
            if stats.last_error
            else "another process has taken it over, or the endpoint was too slow"
        )
    return result


def _work(delivery: Delivery, patience: float, tell: Callable[[Stats], object]) -> None:
    """Wait until all is settled, the circuit opens, or nothing moves any more."""
    settled, since = -1, time.monotonic()
    while True:
        began = time.monotonic()
        if delivery.flush(STEP_S):
            return
        stats = delivery.stats()
        tell(stats)
        if stats.circuit == "open":
            return
        now = time.monotonic()
        if stats.enqueued - stats.pending_events > settled:
            settled, since = stats.enqueued - stats.pending_events, now
        elif now - since > patience:
            return
        time.sleep(max(0.0, began + STEP_S - now))  # a flush in vain ends at once


def _sync_folder(path: Path) -> None:
    """Have the names in the folder *path* survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _raise(error: OSError) -> None:
    raise error
