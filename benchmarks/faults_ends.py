"""Scenarios of `faults.py`: how processes end, fork and crash."""

import http.client
import re
import signal
import threading
import time

from faults_bench import Child, Outcome, bold, number, scenario

REQUESTS = 200
SETTLED_S = 1.0


def _left(count):
    def run(bench):
        child = bench.spawn("leave", count=count)
        told = child.line()
        seconds = child.ended(25.0)
        outcome = bench.arrived(count, exit_s=seconds, raised=told["raised"])
        outcome.figures["exit_code"] = child.process.poll()
        return outcome

    return run


for _count in (50, 5_000):
    scenario(f"exit-{_count}", f"exit without flush, {_count:,} events")(_left(_count))


def _terminated(means):
    def run(bench):
        child = bench.spawn("wait_for_signal", count=1_000, means=means)
        child.line()
        child.signal(signal.SIGTERM)
        seconds = child.ended(25.0)
        outcome = bench.arrived(1_000, exit_s=seconds)
        if seconds is None:
            outcome.text += ", still running after 25 s"
            outcome.is_bad = True
        return outcome

    return run


scenario("sigterm", "SIGTERM, nothing done about it, 1,000", may_lose=True)(
    _terminated("none")
)
scenario("sigterm-exit", "SIGTERM, handler that calls `sys.exit`, 1,000")(
    _terminated("exit")
)
scenario(
    "sigterm-own",
    "SIGTERM, the client's own means (ours `drain_on_sigterm()`, the others' shutdown"
    " in a handler), 1,000",
)(_terminated("own"))


@scenario("fork", "`os.fork` after first use, child tracks 100 and flushes")
def _fork(bench):
    told = bench.run("fork", count=100)
    outcome = bench.arrived(100, flushed_s=told["flushed_s"])
    if told["flushed_s"] is None:
        outcome.text += ", flush hangs"
        outcome.is_bad = True
    return outcome


@scenario("multiprocessing", "`multiprocessing` child returns without flush, 100")
def _multiprocessing(bench):
    told = bench.run("multiprocess", count=100)
    return bench.arrived(100, ended=told["ended"])


@scenario("preload", "gunicorn `--preload`, 2 workers, 200 requests, stop")
def _preload(bench):
    app = f"faults_app:make({bench.client!r}, {bench.collector.host!r})"
    address = ("-b", "127.0.0.1:0")
    server = Child("-m", "gunicorn", "--preload", "-w", "2", *address, app)
    bench.children.append(server)
    port = _port_of(server)
    for i in range(REQUESTS):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", f"/e-{i:06d}")
        connection.getresponse().read()
        connection.close()
    server.signal(signal.SIGTERM)
    return bench.arrived(REQUESTS, exit_s=server.ended(40.0))


def _port_of(server):
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline:
        found = re.search(
            r"Listening at: http://127.0.0.1:(\d+)", "".join(server.errors)
        )
        if found:
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError("gunicorn does not listen: " + "".join(server.errors[-5:]))


@scenario("forks", "25 forks under 3 tracking threads, each child tracks 4 and flushes")
def _forks(bench):
    told = bench.run("forks", count=25, each=4)
    outcome = bench.arrived(100, hung=told["hung"])
    outcome.text += f", {told['hung']} hung"
    outcome.is_bad = outcome.is_bad or bool(told["hung"])
    return outcome


def _killed(bench, options):
    child = bench.spawn("crash", count=3_000, options=options)
    child.line()
    child.signal(signal.SIGKILL)
    child.ended(10.0)
    again = bench.spawn("ordinary", count=0, flush=20.0, linger=1.0, options=options)
    again.line()
    again.ended(10.0)
    _settle(bench, 3_000)
    return bench.arrived(3_000)


def _settle(bench, wanted, timeout=15.0):
    """Give a restarted process the time to deliver what it found."""
    deadline = time.monotonic() + timeout
    last = -1
    while time.monotonic() < deadline:
        now = bench.collector.peek()["requests"]
        if now == last and bench.names()["unique"] >= wanted:
            return
        if now == last and last >= 0 and deadline - time.monotonic() < timeout - 5.0:
            return
        last = now
        threading.Event().wait(SETTLED_S)


@scenario(
    "kill", "`kill -9` after 3,000 calls, restart; as the client comes", may_lose=True
)
def _kill(bench):
    return _killed(bench, {})


@scenario(
    "kill-spool",
    '`kill -9` after 3,000 calls, restart; ours with `spool="always"`',
    skip=("segment", "rudder", "posthog"),
)
def _kill_spool(bench):
    return _killed(bench, {"spool": "always", "spool_dir": bench.folder})


def _hang(bench):
    """flush, shutdown and exit while the collector takes all and answers nothing."""
    seconds = {}
    for way in ("flush", "close", "exit"):
        bench.fresh()
        bench.collector.script(default="hang")
        child = bench.spawn("ends", count=100, way=way)
        told = child.line()
        seconds[way] = told["seconds"] if way != "exit" else child.ended(25.0)
        child.end()
    texts = [
        f"{'>25' if way == 'exit' else '>20'}" if took is None else number(took, 1)
        for way, took in seconds.items()
    ]
    is_bad = any(took is None for took in seconds.values())
    texts = [bold(text, text.startswith(">")) for text in texts]
    return Outcome(" / ".join(texts) + " s", is_bad, seconds)


scenario("hang", "collector hangs: `flush()` / `shutdown()` or `close()` / exit")(_hang)
