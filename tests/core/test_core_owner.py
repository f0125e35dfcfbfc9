"""The mark that tells a forked child from its parent."""

from __future__ import annotations

import os
import sys

import pytest

from segment_integrations.core import owner
from segment_integrations.core.owner import Owner


def in_child(check):
    """Run *check* in a forked child; its exit status."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if check() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # 3.12: threads and fork
@pytest.mark.parametrize("has_page", [True, False])
def test_case_11_a_fork_is_noticed_until_it_claims(monkeypatch, has_page):
    """A child is another process until it claims; its parent stays the owner."""
    if not has_page:
        monkeypatch.setattr(owner, "_page", lambda: None)
    mine = Owner()

    def child():
        was_other = mine.is_other()
        mine.claim()
        return was_other and not mine.is_other()

    assert not mine.is_other()
    assert 0 == in_child(child)
    assert not mine.is_other()


@pytest.mark.skipif(sys.platform != "linux", reason="the page is Linux's")
def test_linux_has_the_page():
    """On Linux no system call is made for each event."""
    assert Owner()._page is not None


def test_a_system_without_the_page_is_no_error(monkeypatch):
    """Where memory can't be marked, the process id is asked for."""
    monkeypatch.delattr("mmap.MAP_PRIVATE", raising=False)
    assert Owner()._page is None
