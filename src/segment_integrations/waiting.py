"""Waits for blocking work without blocking an event loop, be it asyncio's or trio's."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """
    Run *work* on a thread of its own and wait for its result.

    Not on the loop's executor: blocking jobs of the application may have filled it.
    """
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        result: T = await trio.to_thread.run_sync(work)
        return result
    future: Future[T] = Future()

    def run() -> None:
        # From here on a cancelled wait does not cancel the future, which has no use
        # for that: the thread sets its result whether or not anybody still waits.
        future.set_running_or_notify_cancel()
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to the waiting task
            future.set_exception(error)

    threading.Thread(target=run, name="segment-integrations-wait", daemon=True).start()
    import asyncio  # a program without a loop never pays for it

    return await asyncio.wrap_future(future)
