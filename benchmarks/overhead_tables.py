"""The Markdown tables of `overhead.py`: what is added, and the ratios of that."""

from statistics import median, quantiles

from tables import ratio, shown, table

TITLES = {
    "api": "A JSON answer to a script: no event",
    "fetch": "An HTML answer to a script: no event",
    "page": "A person's page view: ours sends a page call",
    "api+session": "As the first, with the session cookie of a signed-in user",
    "page+session": "A page view, with that cookie",
}


def values(runs, framework, variant, kind):
    return [
        one["cpu_us"]
        for one in runs
        if (one["framework"], one["variant"], one["kind"]) == (framework, variant, kind)
    ]


def middle(runs, framework, variant, kind):
    found = values(runs, framework, variant, kind)
    return median(found) if found else None


def added(runs, framework, variant, kind):
    """What *variant* adds to the bare application, of medians; None if not measured."""
    bare = middle(runs, framework, "bare", kind)
    whole = middle(runs, framework, variant, kind)
    return None if whole is None or bare is None else whole - bare


def spread(runs, framework, variant, kind):
    """The middle half of the rounds, as a share of the median."""
    found = values(runs, framework, variant, kind)
    if len(found) < 4:  # noqa: PLR2004 - quartiles
        return "-"
    low, _, high = quantiles(found, n=4)
    return f"{(high - low) / median(found) * 100:.0f} %"


def kind_table(runs, kind):
    """One row a framework: what each thing adds."""
    frameworks = dict.fromkeys(one["framework"] for one in runs if one["kind"] == kind)
    variants = [
        name
        for name in dict.fromkeys(one["variant"] for one in runs)
        if name not in {"bare", "floor"}
    ]
    last = "ours / opentelemetry" if kind.startswith("page") else "ours / posthog"
    head = ["framework", "bare us", *(f"+ {name}" for name in variants), last]
    if kind == "page":
        head.append("ours / floor")
    head.append("spread of ours")
    rows = []
    for framework in frameworks:
        more = {name: added(runs, framework, name, kind) for name in variants}
        peer = more.get("opentelemetry" if kind.startswith("page") else "posthog")
        row = [framework, shown(middle(runs, framework, "bare", kind))]
        row += [shown(more[name]) for name in variants]
        row.append(ratio(more["ours"], peer))
        if kind == "page":
            row.append(ratio(more["ours"], middle(runs, framework, "floor", kind), 1))
        row.append(spread(runs, framework, "ours", kind))
        rows.append(row)
    return table(head, rows)


def text(runs):
    """All tables, each with its title."""
    parts = []
    for kind, title in TITLES.items():
        if any(one["kind"] == kind for one in runs):
            parts += [f"**{title}**, us of CPU by request", kind_table(runs, kind)]
    floors = [one["cpu_us"] for one in runs if one["variant"] == "floor"]
    parts.append(
        f"Building and encoding the page's message alone: {median(floors):.1f} us"
    )
    return "\n\n".join(parts)
