"""
The child processes of `faults.py`: each function is what one program does.

The argument is a JSON object: what to do, the client, the collector's host, and what
the function takes. It says what it saw in JSON lines. Memory is capped.
"""

import json
import logging
import os
import resource
import signal
import sys
import threading
import time

if __name__ == "__main__" and '"gevent"' in sys.argv[1]:
    import gevent.monkey

    gevent.monkey.patch_all()

import clients
import faults_odd

ADDRESS_SPACE = 4 * 2**30
OPEN_END_S = 60.0


def say(**what):
    print(json.dumps(what), flush=True)


def name(i):
    return f"e-{i:06d}"


def track(client, numbers, properties=None):
    """Track *numbers*; how many were refused, and what was raised."""
    refused, raised = 0, []
    for i in numbers:
        try:
            refused += not client.track(name(i), {"n": i, **(properties or {})})
        except Exception as error:  # noqa: BLE001 - counted
            raised.append(type(error).__name__)
    return {"refused": refused, "raised": len(raised), "types": sorted(set(raised))}


def stats(client):
    """Ours tells what is left and dropped; the others don't."""
    if not hasattr(client.client, "stats"):
        return {}
    told = client.client.stats()
    return {"pending": told.pending_events, "dropped": dict(told.dropped)}


def timed(call, timeout=20.0):
    """Seconds that *call* took, or None where it was still at it after *timeout*."""
    began = time.monotonic()
    return time.monotonic() - began if clients.bounded(call, timeout) else None


def ordinary(client, *, count, flush=20.0, linger=0.0, properties=None):
    """Track, flush, say how it went, and end without any cleaning up."""
    told = track(client, range(count), properties)
    flushed = timed(lambda: client.flush(flush), flush + 1.0)
    time.sleep(linger)
    say(**told, flushed_s=flushed, **stats(client))
    os._exit(0)


def leave(client, *, count):
    """Track and come to the program's end, without flush."""
    say(**track(client, range(count)))


def wait_for_signal(client, *, count, means):
    """Track and wait; SIGTERM comes. *means* is what the program did about it."""
    if means == "exit":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    elif means == "own" and hasattr(client.client, "drain_on_sigterm"):
        client.client.drain_on_sigterm()
    elif means == "own":

        def stop(*_):
            client.close(20.0)
            sys.exit(0)

        signal.signal(signal.SIGTERM, stop)
    say(**track(client, range(count)))
    for _ in range(300):
        time.sleep(0.1)


def fork(client, *, count):
    """Use the client, fork, track in the child."""
    client.track("before", {})
    client.flush(10.0)
    pid = os.fork()
    if pid == 0:
        told = track(client, range(count))
        say(**told, flushed_s=timed(lambda: client.flush(5.0), 6.0))
        os._exit(0)
    os.waitpid(pid, 0)
    os._exit(0)


def multiprocess(client, *, count):
    """Use the client, start a process by fork that tracks and returns."""
    import multiprocessing

    client.track("before", {})
    client.flush(10.0)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=track, args=(client, range(count)))
    process.start()
    process.join(20.0)
    say(ended=not process.is_alive())
    os._exit(0)


def forks(client, *, count, each):
    """Fork while three threads track; each child tracks too."""
    stop = threading.Event()

    def busy(number):
        i = 0
        while not stop.is_set() and i < 20_000:  # noqa: PLR2004 - a bound
            client.track(f"thread-{number}", {"i": i})
            i += 1
            time.sleep(0.0002)

    client.track("before", {})
    client.flush(10.0)
    threads = [threading.Thread(target=busy, args=(n,), daemon=True) for n in range(3)]
    for thread in threads:
        thread.start()
    children = []
    for number in range(count):
        time.sleep(0.02)
        pid = os.fork()
        if pid == 0:
            track(client, range(number * each, (number + 1) * each))
            clients.bounded(lambda: client.flush(5.0), 6.0)
            os._exit(0)
        children.append(pid)
    stop.set()
    deadline = time.monotonic() + 25.0
    while children and time.monotonic() < deadline:
        children = [pid for pid in children if os.waitpid(pid, os.WNOHANG)[0] == 0]
        time.sleep(0.05)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    say(hung=len(children))
    os._exit(0)


def paced(client, *, count, rate, flush=40.0):
    """Track at *rate* a second; say when it begins, then flush."""
    say(began=True)
    began, told = time.monotonic(), {"refused": 0, "raised": 0}
    longest = 0.0
    for i in range(count):
        wait = began + i / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        start = time.perf_counter()
        one = track(client, (i,))
        longest = max(longest, time.perf_counter() - start)
        told = {key: told[key] + one[key] for key in told}
    tracked = time.monotonic() - began
    flushed = timed(lambda: client.flush(flush), flush)
    say(**told, tracked_s=tracked, flushed_s=flushed, longest_ms=longest * 1e3)
    os._exit(0)


def memory(client, *, count, size):
    """Track big events into the queue; how far the process grows."""
    from measured import peak_bytes

    client.track("first", {})
    base = peak_bytes()
    refused = sum(
        not client.track(name(i), {"pad": f"{i:06d}" + "x" * size})
        for i in range(count)
    )
    say(grows_mb=(peak_bytes() - base) / 1e6, refused=refused, **stats(client))
    os._exit(0)


def ends(client, *, count, way):
    """How long the client holds the program up while nobody answers."""
    track(client, range(count))
    time.sleep(1.0)
    client = client.client
    stop = client.shutdown if hasattr(client, "shutdown") else client.close
    if way == "exit":
        say(seconds=0.0)
        return  # the parent measures
    say(seconds=timed(client.flush if way == "flush" else stop))
    os._exit(0)


def mixed(client, *, count, size):
    """One big event among small ones."""
    told = track(client, range(count // 2))
    big = track(client, (999_999,), {"pad": "x" * size})
    rest = track(client, range(count // 2, count))
    client.flush(15.0)
    say(small=told["raised"] + rest["raised"], **big)
    os._exit(0)


def poisoned(client, *, count):
    """One event that the collector refuses among good ones."""
    half = count // 2
    track(client, range(half))
    client.track("poison", {})
    track(client, range(half, count))
    flushed = timed(lambda: client.flush(20.0))
    say(flushed_s=flushed, **stats(client))
    os._exit(0)


def crash(client, *, count):
    """Track and be killed."""
    told = track(client, range(count))
    say(**told)
    time.sleep(OPEN_END_S)


def odd(client):
    """Each odd value between two plain neighbours, in a batch of its own."""
    raised = {}
    for label, properties in faults_odd.values():
        client.track(f"before {label}", {})
        try:
            client.track(f"odd {label}", properties)
        except BaseException as error:  # noqa: BLE001 - counted
            raised[label] = type(error).__name__
        client.track(f"after {label}", {})
        clients.bounded(lambda: client.flush(5.0), 6.0)
    say(raised=raised)
    os._exit(0)


def shapes(client):
    """Calls without identity, or with arguments of the wrong shape."""
    raised = {}
    for label, call in faults_odd.shape_errors(client):
        try:
            call()
        except Exception as error:  # noqa: BLE001 - counted
            raised[label] = type(error).__name__
    say(raised=raised)
    os._exit(0)


def greenlets(client, *, count, each):
    """Many greenlets that track, on patched sockets and threads."""
    import gevent

    longest = [0.0]

    def one(number):
        for i in range(each):
            start = time.perf_counter()
            client.track(name(number * each + i), {})
            longest[0] = max(longest[0], time.perf_counter() - start)
            gevent.sleep(0)

    client.track("warm up", {})
    gevent.sleep(0.2)
    gevent.joinall([gevent.spawn(one, n) for n in range(count)], timeout=20.0)
    client.flush(15.0)
    say(longest_ms=longest[0] * 1e3)
    os._exit(0)


FUNCTIONS = {
    function.__name__: function
    for function in (
        ordinary,
        leave,
        wait_for_signal,
        fork,
        multiprocess,
        forks,
        paced,
        memory,
        ends,
        mixed,
        poisoned,
        crash,
        odd,
        shapes,
        greenlets,
    )
}


def main():
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    logging.getLogger().addHandler(logging.NullHandler())
    job = json.loads(sys.argv[1])
    call, options = FUNCTIONS[job.pop("do")], job.pop("options")
    job.pop("gevent", None)
    client = clients.make(job.pop("client"), job.pop("host"), **options)
    call(client, **job)


if __name__ == "__main__":
    main()
