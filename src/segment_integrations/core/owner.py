"""
Tells a process from the one that it was forked from, without asking the kernel.

A system call for each event would cost more than it seems: on current processors the
code that follows it runs slower too. So a page of memory is kept that Linux empties in
a forked child, whichever way it was forked: uWSGI, for one, runs none of Python's
hooks. Elsewhere the process id is asked for.

Source: madvise(2), ``MADV_WIPEONFORK``; what OpenSSL and BoringSSL rely on as well.
"""

from __future__ import annotations

import mmap
import os
from typing import Final

_WIPE_ON_FORK: Final = 18  # Linux's number; Python has no name for it
_NO_SUCH_ADVICE: Final = -1
_OURS: Final = 1


class Owner:
    """Whether the process that made it, or that called `claim` last, is this one."""

    __slots__ = ("_page", "_pid")

    def __init__(self) -> None:
        self._page = _page()
        self.claim()

    def claim(self) -> None:
        """Make this process the owner."""
        self._pid = os.getpid()
        if self._page is not None:
            self._page[0] = _OURS

    def disown(self) -> None:
        """Let this process be another one; for a fork's own hook."""
        self._pid = 0
        if self._page is not None:
            self._page[0] = 0

    def is_other(self) -> bool:
        """True in a fork of the owner, until it claims."""
        if self._page is not None:
            return self._page[0] != _OURS
        return self._pid != os.getpid()


def _page() -> mmap.mmap | None:
    try:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=flags)
        page.madvise(_WIPE_ON_FORK)
    except (AttributeError, OSError, ValueError):  # not Linux, or an old one
        return None
    try:
        page.madvise(_NO_SUCH_ADVICE)
    except OSError:
        return page
    return None  # an emulator that takes any advice and heeds none
