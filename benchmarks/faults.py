"""
What each client does to events when something goes wrong: one table, four columns.

    python benchmarks/faults.py [--only NAME,...] [--clients ours,...] [--json FILE]

Each scenario runs each client in fresh child processes against a collector of its own.
A cell says how many events were lost (bold: something bad) and what else was seen.
Scenarios that measure speed or memory run one at a time, the others side by side.
Exits 1 when a scenario could not run, or when ours has a bold cell outside of the rows
that are about what it does not promise.
"""

import argparse
import json
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import clients
import faults_ends
import faults_load
import faults_network
import tables
from control import Collector
from faults_bench import SCENARIOS, Bench, Outcome

MODULES = (faults_ends, faults_network, faults_load)
"""Imported for their scenarios."""

BUDGET_S = 24 * 60


def one(scenario, client, collector):
    """Run *scenario* with *client*; a scenario that broke says so in its cell."""
    began = time.monotonic()
    try:
        with Bench(client, collector) as bench:
            outcome = scenario.run(bench)
    except Exception as error:  # noqa: BLE001 - the other rows are still wanted
        traceback.print_exc()
        text = f"the scenario failed: {type(error).__name__}: {error}"
        outcome = Outcome(" ".join(text.split())[:200], True, {"failed": True})
    outcome.figures["took_s"] = round(time.monotonic() - began, 1)
    return outcome


def run(names, chosen, *, verbose):
    """All chosen scenarios; a dict of rows, each a dict of outcomes by client."""
    rows, began = {}, time.monotonic()
    with ExitStack() as stack:
        collectors = {who: stack.enter_context(Collector()) for who in chosen}
        pool = stack.enter_context(ThreadPoolExecutor(len(chosen)))
        for name in names:
            if time.monotonic() - began > BUDGET_S:
                print(f"out of time before {name}", file=sys.stderr)
                break
            scenario = SCENARIOS[name]
            who = [client for client in chosen if client not in scenario.skip]
            jobs = [(scenario, client, collectors[client]) for client in who]
            if scenario.alone:
                outcomes = [one(*job) for job in jobs]
            else:
                outcomes = list(pool.map(lambda job: one(*job), jobs))
            rows[name] = dict(zip(who, outcomes, strict=True))
            if verbose:
                cells = ", ".join(f"{c}: {o.text}" for c, o in rows[name].items())
                print(f"{name}: {cells}", file=sys.stderr, flush=True)
    return rows


def page(rows, chosen):
    """The table, as Markdown."""
    versions = clients.versions()
    head = ["scenario", *(f"{who} {versions[who]}" for who in chosen)]
    lines = [
        [
            SCENARIOS[name].title,
            *(cells[who].text if who in cells else "-" for who in chosen),
        ]
        for name, cells in rows.items()
    ]
    return tables.table(head, lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--only", default=",".join(SCENARIOS), help="names, by comma")
    parser.add_argument("--clients", default=",".join(clients.NAMES))
    parser.add_argument("--json", type=Path, help="write the raw figures")
    parser.add_argument("--list", action="store_true", help="show the names")
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    if options.list:
        for name, scenario in SCENARIOS.items():
            print(f"{name:16} {scenario.title}")
        return 0
    names, chosen = options.only.split(","), options.clients.split(",")
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}; see --list")
    rows = run(names, chosen, verbose=options.verbose)
    if options.json:
        document = {
            name: {who: outcome.as_json() for who, outcome in cells.items()}
            for name, cells in rows.items()
        }
        options.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    print(page(rows, chosen))
    cells = [outcome for row in rows.values() for outcome in row.values()]
    wrong = [
        name
        for name, row in rows.items()
        if "ours" in row and row["ours"].is_bad and not SCENARIOS[name].may_lose
    ]
    if wrong:
        print(f"ours is not as it should be: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong or any("failed" in cell.figures for cell in cells) else 0


if __name__ == "__main__":
    sys.exit(main())
