"""
How long `plan scan` takes for a project of 2,000 files, and what it takes the time for.

    python benchmarks/plan_scan.py [FILES]

The files are generated: packages of modules of about 200 lines each of plain classes
and functions. In the first row one file in five fires events, in the second one all of
them do. They fire planned events by text, by constant, by class and by decorator, and
one in a hundred an unplanned one. The figure to reach is 10 s for the first row, as the
command takes it in a process of its own.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EVENTS = 200
PER_PACKAGE = 40

PLAIN = '''
class Model{n}:
    """What the {n}th of them keeps."""

    def __init__(self, name, size=0, *, labels=()):
        self.name = name
        self.size = size
        self.labels = dict(labels)

    def total(self, rows):
        found = 0
        for row in rows:
            if row["kind"] == "{n}" and row.get("size", 0) > self.size:
                found += row["size"] * (1 + len(self.labels))
            elif row["kind"] in ("a", "b", "c"):
                found -= min(row["size"], 10)
        return {{"name": self.name, "total": found, "rows": len(rows)}}


def render_{n}(request, items, *, page=1, per_page=20):
    start = (page - 1) * per_page
    shown = [item for item in items if item.visible and item.owner == request.user]
    shown = shown[start : start + per_page]
    return [f"{{item.name}}: {{item.total([])}}" for item in shown]

'''

FIRING = """
from segment_integrations import track, tracks

from planned.events import Thing{a}
from planned.names import NAME{b}


@tracks("Thing {c}", from_args=["order.id"])
def ordered(order):
    track("Thing {a}", {{"id": order.id, "total": 3}})
    track(NAME{b}, {{"id": order.id}})
    track(Thing{a}(id=order.id))
    track("{odd}", {{"id": 1}})

"""


def source(index, *, fires):
    parts = ["import json\nimport logging\n"]
    if fires:
        odd = "Thing Seven" if index % 100 == 0 else "Thing 7"
        some = [(index * step) % EVENTS for step in (1, 3, 7)]
        parts.append(FIRING.format(a=some[0], b=some[1], c=some[2], odd=odd))
    parts += [PLAIN.format(n=index * 10 + one) for one in range(7)]
    return "".join(parts)


def generate(root, count, every):
    planned = root / "planned"
    planned.mkdir()
    (planned / "__init__.py").write_text("")
    (planned / "events.py").write_text(
        "from segment_integrations import Event\n"
        + "".join(
            f'class Thing{n}(Event, name="Thing {n}"):\n    id: str\n'
            for n in range(EVENTS)
        )
    )
    (planned / "names.py").write_text(
        "".join(f'NAME{n} = "Thing {n}"\n' for n in range(EVENTS))
    )
    for index in range(count):
        folder = root / f"package{index // PER_PACKAGE}"
        if not folder.is_dir():
            folder.mkdir()
            (folder / "__init__.py").write_text("")
        name = f"module{index}.py"
        (folder / name).write_text(source(index, fires=index % every == 0))


def plan():
    facts = {"type": "object", "properties": {"id": {}, "total": {}}}
    schema = {"type": "object", "properties": {"properties": facts}}
    return {
        "trackingPlan": {"name": "bench"},
        "rules": [
            {"key": f"Thing {n}", "type": "TRACK", "version": 1, "jsonSchema": schema}
            for n in range(EVENTS)
        ],
    }


def measure(count, every):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "src")
        root.mkdir()
        generate(root, count, every)
        planned = Path(folder, "plan.json")
        planned.write_text(json.dumps(plan()))
        files = list(root.rglob("*.py"))
        size = sum(path.stat().st_size for path in files) / 1e6
        command = [
            *(sys.executable, "-m", "segment_integrations", "plan", "scan", "--json"),
            *("--plan", str(planned), "--allow-unfired", str(root)),
        ]
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        before = usage.ru_utime + usage.ru_stime
        started = time.perf_counter()
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=600, check=False
        )
        took = time.perf_counter() - started
        if ran.returncode not in {0, 1}:
            raise SystemExit(ran.stderr)
        report = json.loads(ran.stdout)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        mib = usage.ru_maxrss / 1024
        cpu = usage.ru_utime + usage.ru_stime - before
        firing = len(range(0, count, every))
        print(
            f"| {len(files):,} | {size:.1f} | {firing:,}"
            f" | {sum(report['fired'].values()):,} | {len(report['findings'])}"
            f" | {took:.1f} | {cpu:.1f} | {mib:.0f} |",
            flush=True,
        )


def main(count):
    print("| files | MB | that fire | calls | findings | s | CPU s | MiB at most |")
    print("|---|---|---|---|---|---|---|---|")
    measure(count, 5)
    measure(count, 1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
