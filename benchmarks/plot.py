"""The plot of `delivery.py`: CPU per delivered event and time in the call."""

import matplotlib as mpl
import tables
from matplotlib.figure import Figure

mpl.rcParams["svg.hashsalt"] = "segment-integrations"  # equal figures, equal file

PANELS = (
    ("CPU per delivered event, us", "cpu_us"),
    ("Time in the call, mean us", "call_mean_us"),
)
COLOURS = {True: "#2b6cb0", False: "#a0b9d0"}
GREY = {True: "#6b7280", False: "#c5c9d0"}
BAR = 0.38


def write(runs, path):
    """Write the SVG: 0.8 KB events, one producer, with and without gzip."""
    names = [*tables.clients_of(runs), "floor"]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots(1, 2)
    for axis, (title, name) in zip(axes, PANELS, strict=True):
        for gzip in (True, False):
            for place, client in enumerate(names):
                value = tables.middle(tables.cell(runs, client, gzip=gzip), name)
                if value is None:
                    continue
                at = place + (-BAR / 2 if gzip else BAR / 2)
                palette = GREY if client == "floor" else COLOURS
                axis.barh(at, value, BAR, color=palette[gzip])
                note = f" {value:.1f}" + (" gzip" if gzip else "")
                axis.text(value, at, note, va="center", fontsize=7)
        axis.set_yticks(range(len(names)), names)
        axis.invert_yaxis()
        axis.set_title(title, fontsize=9)
        axis.margins(x=0.2)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    save(figure, path)


def save(figure, path):
    """Write *figure* as an SVG that is the same for equal figures."""
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    # matplotlib ends some lines of path data with a space, which whitespace checks of
    # repositories refuse.
    text = path.read_text(encoding="utf-8")
    lines = (one.rstrip() for one in text.splitlines())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
