"""
Which packaged list of bots is best: what each knows, whom it takes wrongly, its cost.

    python -m pip install crawlerdetect crawler-user-agents device-detector \
        ua-parser is-bot is-crawler
    python -m pip download --no-deps --no-binary :all: crawlerdetect
    python benchmarks/bots.py crawlerdetect-*.tar.gz

The user agents are those that the lists keep themselves: what crawler-user-agents
names as seen, and the test data of device-detector (Matomo's) and of crawlerdetect
(from its source archive, which has people's devices too). A list knows its own best,
so the column of its own data says little. Each candidate runs in a fresh process. See
docs/page-calls.md.
"""

import gc
import json
import random
import re
import resource
import subprocess
import sys
import tarfile
import time
from importlib import import_module
from pathlib import Path

DEVICES_MAX = 5_000
"""As many people's user agents as are looked at, by chance but always the same."""

TIMED = 1_000


def ours():
    from segment_integrations.core import bots

    return bots.known_words


def crawlerdetect():
    found = import_module("crawlerdetect").CrawlerDetect()
    return lambda agent: found._check_crawler(agent)[0]  # noqa: SLF001 - uncached


def crawler_user_agents():
    return import_module("crawleruseragents").is_crawler


def device_detector():
    kind = import_module("device_detector").DeviceDetector
    return lambda agent: kind(agent, skip_device_detection=True).parse().is_bot()


def ua_parser():
    parse = import_module("ua_parser").parse_device

    def is_bot(agent):
        found = parse(agent)
        return found is not None and found.family == "Spider"

    return is_bot


def is_bot():
    return import_module("is_bot").Bots().is_bot


def is_crawler():
    found = import_module("is_crawler").is_crawler
    return found.__wrapped__  # without its cache


def ours_with_is_crawler():
    from segment_integrations.core import bots

    bots.LONG_LIST.load()
    return bots._is_bot.__wrapped__  # noqa: SLF001 - uncached


HOSTILE = [
    *[one * 512 for one in "a1-_/("],
    *[one * (512 // len(one)) for one in ("http", ".com", "a1 ", "bo", "Mozilla/5.0 ")],
]
"""What a sender may put there to keep a list busy, cut where we cut it."""


CANDIDATES = [
    ours,
    ours_with_is_crawler,
    crawlerdetect,
    crawler_user_agents,
    device_detector,
    ua_parser,
    is_bot,
    is_crawler,
]


def listed(path):
    """The `user_agent` values of one of Matomo's files, read without a YAML parser."""
    for line in path.read_text().splitlines():
        found = re.match(r"\s+(?:- )?user_agent: (.+)", line)
        if found:
            yield found[1].strip().strip("'\"")


def lines(archive, name):
    with tarfile.open(archive) as opened:
        member = next(one for one in opened if one.name.endswith(name))
        return opened.extractfile(member).read().decode().splitlines()


def user_agents(archive):
    """The sets of user agents: three of bots, two of people."""
    matomo = Path(import_module("device_detector").__file__).parent
    matomo = matomo / "tests/fixtures/upstream"
    people = ["smartphone*", "tablet*", "phablet*", "desktop*", "feature_phone*"]
    listing = import_module("crawleruseragents").CRAWLER_USER_AGENTS_DATA
    sets = {
        "bots: crawler-user-agents": [
            agent for one in listing for agent in one["instances"]
        ],
        "bots: matomo": listed(matomo / "bots.yml"),
        "bots: crawlerdetect": lines(archive, "user_agent/crawlers.txt"),
        "people: matomo": [
            agent
            for one in people
            for path in matomo.glob(f"{one}.yml")
            for agent in listed(path)
        ],
        "people: crawlerdetect": lines(archive, "user_agent/devices.txt"),
    }
    chance = random.Random(7)
    for name, found in sets.items():
        different = sorted({one for one in found if one.strip()})
        if name.startswith("people"):
            # Not the programs that run on people's devices, such as Word.
            different = [one for one in different if one.startswith("Mozilla/5.0 (")]
        chance.shuffle(different)
        sets[name] = different[:DEVICES_MAX]
    return sets


def resident_mib():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def measure(name, path):
    """One candidate, in this process, which has loaded nothing else yet."""
    before = resident_mib()
    started = time.perf_counter()
    decide = globals()[name]()
    decide("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Firefox/143.0")
    load_ms = (time.perf_counter() - started) * 1e3
    mib = resident_mib() - before
    sets = json.loads(Path(path).read_text())
    known = {
        title: sum(bool(decide(one)) for one in agents) / len(agents)
        for title, agents in sets.items()
    }
    agents = sets["people: matomo"][-TIMED:]
    gc.collect()
    started = time.perf_counter()
    for one in agents:
        decide(one)
    us = (time.perf_counter() - started) / len(agents) * 1e6
    worst_ms = 0.0
    for one in HOSTILE:
        started = time.perf_counter()
        decide(one)
        worst_ms = max(worst_ms, (time.perf_counter() - started) * 1e3)
    return {
        "worst_ms": worst_ms,
        "load_ms": load_ms,
        "mib": mib,
        "us": us,
        "known": known,
    }


def child(name, path):
    ran = subprocess.run(
        [sys.executable, __file__, "--child", name, path],
        check=True,
        capture_output=True,
        text=True,
        timeout=900,
    )
    return json.loads(ran.stdout)


def main(archive):
    sets = user_agents(archive)
    path = Path(archive).with_suffix(".json")
    path.write_text(json.dumps(sets))
    print({name: len(found) for name, found in sets.items()}, flush=True)
    print("| list | load, ms | MiB | us each | worst ms |", " | ".join(sets), "|")
    for candidate in CANDIDATES:
        name = candidate.__name__
        found = child(name, str(path))
        shares = " | ".join(f"{found['known'][one]:.2%}" for one in sets)
        print(
            f"| {name} | {found['load_ms']:.0f} | {found['mib']:.1f}"
            f" | {found['us']:.0f} | {found['worst_ms']:.1f} | {shares} |",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        print(json.dumps(measure(*sys.argv[2:4])))
    else:
        main(sys.argv[1])
