"""What stands in the bodies a collector has kept; and rules that look into them."""

import gzip
import json
from collections import Counter
from dataclasses import dataclass


def _no_constant(name):
    raise ValueError(f"{name} is no JSON")


def parsed(body, *, is_gzip):
    """
    The events of a request's body.

    Raises:
        ValueError: It is no strict JSON, or no batch.
    """
    raw = gzip.decompress(body) if is_gzip else body
    document = json.loads(raw, parse_constant=_no_constant)
    if not isinstance(document, dict) or not isinstance(document.get("batch"), list):
        raise ValueError("no batch")  # noqa: TRY004 - to its caller just as wrong
    return len(raw), document["batch"]


def id_of(event):
    """Its messageId, or what PostHog calls it."""
    return event.get("messageId") or event.get("uuid")


@dataclass(frozen=True)
class Rules:
    """Reasons to refuse a request for what is in it. Each is off by default."""

    events_max: int | None = None
    bytes_max: int | None = None
    poison: str | None = None
    strict: bool = False

    @classmethod
    def of(cls, rules):
        """The rules, or None where there are none."""
        return cls(**rules) if rules else None

    def refusal(self, body, *, is_gzip):
        """The status that the request gets, or None where it is fine."""
        try:
            size, events = parsed(body, is_gzip=is_gzip)
        except ValueError:
            return 400
        if self.bytes_max is not None and size > self.bytes_max:
            return 400
        if self.events_max is not None and len(events) > self.events_max:
            return 413
        if any(event.get("event") == self.poison for event in events):
            return 400
        return None


def summary(kept, *, ids=False, names=False, requests=False, samples=0):
    """
    What was accepted, and how the requests went.

    Args:
        kept: The collector's tuples.
        ids: With the list of all ids, copies included.
        names: With the count of each event name.
        requests: With one entry for each request, accepted or not.
        samples: With so many of the events.
    """
    seen, named, listed, sampled = Counter(), Counter(), [], []
    raw_bytes = bad = 0
    for at, step, is_ok, is_gzip, body, retry in kept:
        size, events = 0, []
        try:
            size, events = parsed(body, is_gzip=is_gzip)
        except ValueError:
            bad += 1
        if requests:
            row = {"at": at, "step": step, "ok": is_ok, "events": len(events)}
            listed.append({**row, "bytes": size, "wire": len(body), "retry": retry})
        if not is_ok:
            continue
        raw_bytes += size
        seen.update(id_of(event) for event in events)
        sampled.extend(events[: samples - len(sampled)])
        if names:
            named.update(event.get("event") for event in events)
    copies = seen.total()
    accepted = [one for one in kept if one[2]]
    result = {
        "requests": len(kept),
        "accepted_requests": len(accepted),
        "events": copies,
        "unique": len(seen),
        "duplicates": copies - len(seen),
        "bad_json": bad,
        "raw_bytes": raw_bytes,
        "wire_bytes": sum(len(one[4]) for one in accepted),
        "last": accepted[-1][0] if accepted else 0.0,
    }
    if ids:
        result["ids"] = list(seen.elements())
    if names:
        result["names"] = dict(named)
    if requests:
        result["list"] = listed
    if samples:
        result["samples"] = sampled
    return result
