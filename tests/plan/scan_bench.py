"""Source files in a folder, scanned against a small plan."""

from textwrap import dedent

from segment_integrations.plan.scanning.scan import scan
from segment_integrations.plan.tracking import TrackingPlan

OURS = "from segment_integrations import track, tracks, page, screen, Analytics\n"


def rule(key, *properties, required=(), version=1, type_="TRACK", **more):
    """One rule as JSON; *more* are keywords of the properties' schema."""
    facts = {
        "type": "object",
        "properties": {name: {} for name in properties},
        "required": list(required),
        **more,
    }
    return {
        "key": key,
        "type": type_,
        "version": version,
        "jsonSchema": {"type": "object", "properties": {"properties": facts}},
    }


def planned(*rules):
    """The plan of *rules*, each a name or what `rule` makes."""
    rules = [rule(one) if isinstance(one, str) else one for one in rules]
    document = {"trackingPlan": {"name": "shop"}, "rules": rules}
    return TrackingPlan.of(document, source="plan.json")


def write(folder, files):
    """Write *files*, sources by path."""
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            path.write_bytes(source)
        else:
            path.write_text(dedent(source), encoding="utf-8")


def scanned(folder, files, *rules, **options):
    """The report about *files*, or about one source."""
    write(folder, {"app.py": files} if isinstance(files, str) else files)
    return scan([folder], planned(*rules), **options)


def fired(folder, files, **options):
    """The names of the track events that *files* fire, sorted."""
    return list(scanned(folder, files, **options).fired)


def told(report, *kinds):
    """The remarks of *kinds*, or all, as ``file:line:column kind event``."""
    return [
        f"{one.path.rpartition('/')[2]}:{one.line}:{one.column} {one.kind} {one.event}"
        for one in report.remarks
        if not kinds or one.kind in kinds
    ]
