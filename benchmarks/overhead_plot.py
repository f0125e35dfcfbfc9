"""The plot of `overhead.py`: what each thing adds to a request, by framework."""

import matplotlib as mpl
import overhead_tables
from matplotlib.figure import Figure
from plot import save

mpl.rcParams["svg.hashsalt"] = "segment-integrations"  # equal figures, equal file

PANELS = (("No event (JSON answer)", "api"), ("A page view", "page"))
COLOURS = {
    "ours": "#2b6cb0",
    "ours + track": "#63a4dd",
    "posthog": "#c5c9d0",
    "sentry, traces 0": "#9ca3af",
    "opentelemetry": "#6b7280",
}
HEIGHT = 0.8


def write(runs, path):
    """Write the SVG; sentry with tracing would hide the others and is left out."""
    frameworks = list(dict.fromkeys(one["framework"] for one in runs))
    figure = Figure(figsize=(9, 0.9 + 0.75 * len(frameworks)), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    bar = HEIGHT / len(COLOURS)
    for axis, (title, kind) in zip(axes, PANELS, strict=True):
        for place, framework in enumerate(frameworks):
            for number, (variant, colour) in enumerate(COLOURS.items()):
                value = overhead_tables.added(runs, framework, variant, kind)
                if value is None:
                    continue
                at = place - HEIGHT / 2 + bar * (number + 0.5)
                label = variant if not place else None
                axis.barh(at, value, bar, color=colour, label=label)
                axis.text(value, at, f" {value:.0f}", va="center", fontsize=6)
        axis.set_yticks(range(len(frameworks)), frameworks)
        axis.set_title(f"{title}: us of CPU added", fontsize=9)
        axis.margins(x=0.12)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[0].invert_yaxis()
    axes[1].legend(fontsize=7, frameon=False, loc="lower right")
    save(figure, path)
