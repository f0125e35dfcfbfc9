"""Says why events may not have arrived, from what each open `Analytics` counted."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from segment_integrations.client import Analytics
    from segment_integrations.core.message import Call

_DROPS: Final = {
    "no_identity": "no user or anonymous id was known: call inside a request or"
    " bind(user_id=...), or give user_id=",
    "consent": "the consent setting said no",
    "sampled_out": "the sample setting is under 1",
    "rolled_back": "their database transaction was rolled back",
    "processor": "a processor returned None",
    "processor_failed": "a processor raised",
    "closed": "the calls came after close()",
}

_HEADERS: Final = (
    "a test client sends no browser headers:"
    " use segment_integrations.testing.BROWSER_HEADERS"
)

_PAGES: Final = {
    "not_accepted": _HEADERS,
    "not_navigation": "the request says that it is no navigation",
    "bot": _HEADERS,
    "no_identity": "no one is signed in and no ajs_anonymous_id cookie came",
    "not_html": "the response is no HTML",
    "pages_off": "the pages setting is off",
    "excluded_path": "the path is excluded",
    "excluded_view": "the view is marked with no_page",
}


class Baseline:
    """What was counted when a capture began: only what came since is of interest."""

    def __init__(self) -> None:
        self._before: WeakKeyDictionary[
            Analytics, tuple[Counter[str], Counter[str]]
        ] = WeakKeyDictionary()
        for analytics in _opened():
            self._before[analytics] = _counts(analytics)

    def reasons(self, call: Call, *, is_empty: bool) -> list[str]:
        """
        Lines on what was counted since.

        Args:
            call: What the test looked for.
            is_empty: Whether nothing at all arrived.
        """
        opened = _opened()
        drops: Counter[str] = Counter()
        pages: Counter[str] = Counter()
        for analytics in {*opened, *self._before}:
            before = self._before.get(analytics, (Counter(), Counter()))
            after = _counts(analytics)
            drops += after[0] - before[0]
            pages += after[1] - before[1]
        del pages["page"]
        lines = [
            f"{count} not sent: {reason}{_hint(_DROPS, reason)}"
            for reason, count in sorted(drops.items())
        ]
        if call == "page" or is_empty:
            lines += [
                f"page calls suppressed: {reason} {count}{_hint(_PAGES, reason)}"
                for reason, count in sorted(pages.items())
            ]
        if is_empty and not opened:
            lines.append("no Analytics was made: no call was made, or there is no key")
        elif is_empty and not any(one.is_on for one in opened):
            lines.append("Analytics is switched off (enabled=False)")
        elif is_empty and not lines:
            lines.append("no call was refused either: was the code reached?")
        return lines


def _hint(hints: dict[str, str], reason: str) -> str:
    return f" ({hints[reason]})" if reason in hints else ""


def _opened() -> list[Analytics]:
    """All that are open; none where the client was not even imported."""
    defaults = sys.modules.get("segment_integrations.defaults")
    return [] if defaults is None else list(defaults.opened())


def _counts(analytics: Analytics) -> tuple[Counter[str], Counter[str]]:
    try:
        stats = analytics.stats()
    except Exception:  # noqa: BLE001 - a user's sink; a reason is no reason to fail
        return Counter(), Counter()
    return Counter(stats.dropped), Counter(stats.pages)
