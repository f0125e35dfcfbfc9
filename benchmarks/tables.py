"""The Markdown tables of `delivery.py`: medians, spreads and ratios of raw runs."""

from statistics import median

COLUMNS = (
    ("CPU us/event", "cpu_us", 1),
    ("call mean us", "call_mean_us", 1),
    ("caller CPU us", "caller_cpu_us", 1),
    ("p50", "call_p50_us", 1),
    ("p99", "call_p99_us", 1),
    ("p99.9", "call_p999_us", 1),
    ("events/s", "rate", 0),
    ("peak MB", "peak_mb", 1),
)


def cell(runs, client, size="0.8", threads=1, *, gzip=True, kind="up"):
    """All good runs of one shape."""
    wanted = (client, size, threads, gzip, kind)
    names = ("client", "size", "threads", "gzip", "kind")
    return [
        figures
        for figures in runs
        if "error" not in figures and tuple(figures[name] for name in names) == wanted
    ]


def middle(group, name):
    """The median of a figure, or None where nothing was measured."""
    return median(figures[name] for figures in group) if group else None


def shown(value, digits=1):
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(value, other, digits=2):
    return "-" if not value or not other else f"{value / other:.{digits}f}"


def spread(group, name, digits=1):
    """Lowest and highest."""
    values = [figures[name] for figures in group]
    return f"{min(values):,.{digits}f}..{max(values):,.{digits}f}" if values else "-"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def line(figures):
    """One run in one line."""
    shape = "{client} {size} KB x{threads} gzip={gzip} {kind}".format(**figures)
    if "error" in figures:
        return f"{shape}: FAILED: {figures['error'].strip().splitlines()[-1]}"
    return (
        f"{shape}: cpu {figures['cpu_us']:.1f} call {figures['call_mean_us']:.1f}"
        f" p99.9 {figures['call_p999_us']:.0f} {figures['rate']:.0f}/s"
        f" peak {figures['peak_mb']:.1f} MB lost {figures['lost']}"
    )


def clients_of(runs):
    return [c for c in dict.fromkeys(f["client"] for f in runs) if c != "floor"]


def lost(group):
    """What the rows say about losses: nothing is best."""
    missing = sum(figures["lost"] for figures in group)
    refused = sum(figures["events"] - figures["accepted"] for figures in group)
    if not missing and not refused:
        return "0"
    return f"**{missing}** ({refused} refused)"


def main_table(runs, *, gzip, kind="up", threads=1):
    """One row for each client and the floor, with ratios."""
    base = {
        who: middle(cell(runs, who, threads=threads, gzip=gzip, kind=kind), "cpu_us")
        for who in ("segment", "floor")
    }
    head = ["client", *(title for title, _, _ in COLUMNS)]
    head += ["CPU / segment", "CPU / floor", "CPU spread", "bytes", "lost", "runs"]
    rows = []
    for client in [*clients_of(runs), "floor"]:
        group = cell(runs, client, threads=threads, gzip=gzip, kind=kind)
        if not group:
            continue
        cpu = middle(group, "cpu_us")
        rows.append(
            [
                client,
                *(shown(middle(group, name), digits) for _, name, digits in COLUMNS),
                ratio(cpu, base["segment"]),
                ratio(cpu, base["floor"]),
                spread(group, "cpu_us"),
                shown(middle(group, "event_bytes"), 0),
                lost(group),
                str(len(group)),
            ]
        )
    return table(head, rows) if rows else ""


def shapes_table(runs, name, digits):
    """A figure for every size, producers and gzip; clients side by side."""
    names = clients_of(runs)
    keys = dict.fromkeys(
        (f["size"], f["threads"], f["gzip"]) for f in runs if f["kind"] == "up"
    )
    head = ["KB", "producers", "gzip", *names, "floor", "ours / segment"]
    head += ["ours / floor", "lost"]
    rows = []
    for size, threads, gzip in sorted(
        keys, key=lambda k: (float(k[0]), k[1], not k[2])
    ):
        groups = {
            who: cell(runs, who, size, threads, gzip=gzip) for who in (*names, "floor")
        }
        values = {who: middle(group, name) for who, group in groups.items()}
        all_runs = [figures for group in groups.values() for figures in group]
        rows.append(
            [
                size,
                str(threads),
                "on" if gzip else "off",
                *(shown(values[who], digits) for who in (*names, "floor")),
                ratio(values.get("ours"), values.get("segment")),
                ratio(values.get("ours"), values["floor"]),
                lost(all_runs),
            ]
        )
    return table(head, rows)


def small_table(runs, kinds):
    """Time in the call for a few kinds of run."""
    titles = ("call mean us", "caller CPU us", "p50", "p99", "p99.9")
    columns = [column for column in COLUMNS if column[0] in titles]
    head = ["client", "collector", "spool", *(title for title, _, _ in columns)]
    head += ["p99.9 spread", "longest", "runs"]
    rows = []
    for kind in kinds:
        for client in clients_of(runs):
            group = cell(runs, client, kind=kind)
            if not group:
                continue
            rows.append(
                [
                    client,
                    "refuses" if kind.endswith("down") else "up",
                    "always" if kind.startswith("spool") else "off",
                    *(shown(middle(group, name), n) for _, name, n in columns),
                    spread(group, "call_p999_us"),
                    shown(max(figures["call_max_us"] for figures in group), 0),
                    str(len(group)),
                ]
            )
    return table(head, rows)


def goals(runs):
    """The figures that the project wants to reach, as measured."""

    def of(client, name, **where):
        return middle(cell(runs, client, **where), name)

    lines = []
    cpu, theirs = of("ours", "cpu_us"), of("segment", "cpu_us")
    lines.append(
        f"CPU per delivered event, gzip on: ours / segment {ratio(cpu, theirs, 3)}"
        f" (goal 0.1), segment without gzip, its default:"
        f" {ratio(cpu, of('segment', 'cpu_us', gzip=False), 3)};"
        f" ours / floor {ratio(cpu, of('floor', 'cpu_us'))} (goal 2)"
    )
    call = of("ours", "call_mean_us")
    lines.append(
        f"Time in the call, mean: ours / segment"
        f" {ratio(call, of('segment', 'call_mean_us'))} (goal 0.25); its CPU alone"
        f" {ratio(of('ours', 'caller_cpu_us'), of('segment', 'caller_cpu_us'))}"
    )
    down = of("ours", "call_p999_us", kind="down")
    other = of("segment", "call_p999_us", kind="down")
    lines.append(
        f"p99.9 while the collector refuses: ours {shown(down)} us,"
        f" segment {shown(other)} us (goal: no worse)"
    )
    rate = of("ours", "rate")
    plain = ratio(of("ours", "rate", gzip=False), of("segment", "rate", gzip=False), 1)
    many = of("ours", "rate", threads=16)
    lines.append(
        f"Sustained: ours / segment {ratio(rate, of('segment', 'rate'), 1)} (goal 5),"
        f" without gzip {plain};"
        f" 16 producers / one {ratio(many, rate)} (goal 0.8)"
    )
    spool = of("ours", "call_mean_us", kind="spool")
    if spool is not None and call is not None:
        kinds = ("spool", "up", "spool-down", "down")
        own = [of("ours", "caller_cpu_us", kind=kind) for kind in kinds]
        mean = [of("ours", "call_mean_us", kind=kind) for kind in kinds]
        lines.append(
            f"Spool always adds {spool - call:.1f} us to a call (goal 4),"
            f" {own[0] - own[1]:.1f} us of its CPU; while the collector refuses"
            f" {mean[2] - mean[3]:.1f} us and {own[2] - own[3]:.1f} us"
        )
    return "\n".join(f"- {one}" for one in lines)


def page(document):
    """Everything, as Markdown."""
    runs, machine = document["runs"], document["machine"]
    names = ", ".join(f"{name} {v}" for name, v in machine["versions"].items())
    kinds = ("up", "spool", "down", "spool-down")
    title = (
        f"Python {machine['python']}, {machine['system']}, {machine['cpus']} CPUs"
        f" ({machine['cpu']}), {machine['memory_gib']} GiB; {names}; {len(runs)} runs."
    )
    sections = {
        "Goals": goals(runs),
        "0.8 KB events, one producer, gzip on": main_table(runs, gzip=True),
        "0.8 KB events, one producer, gzip off": main_table(runs, gzip=False),
        "0.8 KB events, 16 producers, gzip on": main_table(runs, gzip=True, threads=16),
        "The call, by the collector's state and the spool": small_table(runs, kinds),
    }
    if any(figures["size"] != "0.8" for figures in runs):
        sections |= {
            "CPU us per delivered event": shapes_table(runs, "cpu_us", 1),
            "Events per second": shapes_table(runs, "rate", 0),
            "Mean us per call": shapes_table(runs, "call_mean_us", 1),
            "Peak memory, MB over the imported interpreter": shapes_table(
                runs, "peak_mb", 1
            ),
        }
    parts = [f"## {name}\n\n{body}" for name, body in sections.items() if body]
    return "\n\n".join([title, *parts])
