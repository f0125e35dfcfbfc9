"""
A program that ends by SIGTERM at each point of a call of `track`, once for each.

The handler drains on the thread that it has interrupted.
"""

import os
import signal
import sys
import time

from process_interrupted import BATCH, at_point

TIMEOUT_S = 10.0


def say(point, message_id):
    os.write(sys.stdout.fileno(), f"{point} {message_id}\n".encode())


def one(make, before, number):
    """In a process of its own: whether there is such a point."""
    client = make(flush_at=BATCH)
    client.drain_on_sigterm(TIMEOUT_S)
    for _ in range(1 + before):
        say(number, client.track("before", user_id="u"))
    at_point(number, signal.SIGTERM, lambda: client.track("last", user_id="u"))
    client.close(TIMEOUT_S)  # there is no such point


def main(make, before):
    """Print the point and the id of each message that a call has answered for."""
    number = 1
    slow = 0
    while slow < 3:
        pid = os.fork()
        if pid == 0:
            one(make, before, number)
            os._exit(0)
        began = time.monotonic()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code == 0:
            break
        assert code == -signal.SIGTERM, code
        slow += time.monotonic() - began > TIMEOUT_S
        number += 1
