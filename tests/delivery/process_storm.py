"""
A program whose main thread tracks while signals interrupt it at chance places.

Three threads track as well. The handlers track, flush, or both; what a flush that says
True has promised is looked up in the collector at once.
"""

import random
import signal
import sys
import threading
import time
from collections import Counter

from delivery_collector import Collector
from process_interrupted import say

from segment_integrations import Analytics

SECONDS = 2.0
PATIENCE_S = 2.0


class Storm:
    def __init__(self, seed, collector):
        self.chance = random.Random(seed)
        self.collector = collector
        self.client = Analytics(
            "key",
            host=collector.host,
            flush_interval=0.05,
            flush_at=self.chance.choice([30, 100, 500]),
        )
        self.reported = [[] for _ in range(4)]
        self.handled = []
        self.troubles = []
        self.is_over = threading.Event()

    def track(self, event, ids):
        ids.append(self.client.track(event, user_id="u"))

    def beside(self, ids):
        while not self.is_over.wait(0.0005):
            self.track("beside", ids)

    def arrived(self):
        return Counter(
            message["messageId"]
            for request in self.collector.requests
            for message in request.document["batch"]
        )

    def handle(self, _, frame):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # one at a time
        promised = list(self.reported[0])
        does = self.chance.choice(["track", "flush", "track flush"])
        if "track" in does:
            self.track("handler", self.handled)
            promised.append(self.handled[-1])
        if "flush" in does:
            where = f"{does} in {frame.f_code.co_name}:{frame.f_lineno}"
            if not self.client.flush(PATIENCE_S):
                self.troubles.append(f"{where}: False")
            elif missing := set(promised) - set(self.arrived()):
                self.troubles.append(f"{where}: {len(missing)} missing")
        signal.signal(signal.SIGALRM, self.handle)
        self.again()

    def again(self):
        signal.setitimer(signal.ITIMER_REAL, self.chance.uniform(0.0001, 0.004))

    def rage(self):
        threads = [
            threading.Thread(target=self.beside, args=(ids,), daemon=True)
            for ids in self.reported[1:]
        ]
        for thread in threads:
            thread.start()
        signal.signal(signal.SIGALRM, self.handle)
        self.again()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and not self.troubles:
            for _ in range(40):
                self.track("main", self.reported[0])
            time.sleep(0.0005)  # else the threads beside would hardly run
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.is_over.set()
        for thread in threads:
            thread.join(10)
            if thread.is_alive():
                self.troubles.append("a thread hangs")

    def look(self):
        if not self.client.flush(10):
            self.troubles.append(f"flush is False: {self.client.stats()}")
        ids = [one for ids in (*self.reported, self.handled) for one in ids]
        if None in ids:
            self.troubles.append("a call was refused")
        if Counter(ids) != self.arrived():
            self.troubles.append(f"{len(ids)} reported, {self.arrived().total()} sent")
        if not self.handled:
            self.troubles.append("no signal came")


def main(seed):
    """Print what went wrong, and that it is the end."""
    with Collector() as collector:
        storm = Storm(seed, collector)
        storm.rage()
        storm.look()
        for trouble in storm.troubles:
            say(trouble)
    say("over")


if __name__ == "__main__":
    main(int(sys.argv[1]))
