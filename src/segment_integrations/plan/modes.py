"""The words of `plan_mode`: what becomes of a message that breaks the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, get_args

from segment_integrations.core.message import Call

WORDS: Final[Mapping[str, str]] = {
    "report": "send it as it is",
    "omit": "leave out unplanned properties or traits, and those that break the plan",
    "omit_unplanned": "leave out unplanned properties or traits only",
    "block": "do not send what breaks a schema of the plan",
    "block_unplanned": "do not send track events that are not in the plan",
    "forward": "send each violation as a Violation Generated event as well",
    "off": "do not look at it",
}
"""
Each word with its meaning. All but ``off`` report.

Source: Segment, Protocols, "Enforce your tracking plan".
"""

CALLS: Final[tuple[Call, ...]] = get_args(Call)

REPORT: Final = ("report",)

_ONLY_FOR: Final[Mapping[str, frozenset[str]]] = {
    "block_unplanned": frozenset({"track"}),
    "omit_unplanned": frozenset({"track", "identify", "group"}),
}
"""Words about what only some calls have."""

_EXCLUSIVE: Final = (
    ({"omit", "block"}, "a message is either mended or not sent"),
    ({"report", "omit"}, "report sends it as it is; leave report out"),
    ({"report", "omit_unplanned"}, "report sends it as it is; leave report out"),
    ({"report", "block"}, "report sends it as it is; leave report out"),
    ({"report", "block_unplanned"}, "report sends it as it is; leave report out"),
)


@dataclass(frozen=True, slots=True)
class Mode:
    """
    What becomes of the messages of one call.

    Args:
        words: Words of `WORDS` that go together.
    """

    words: frozenset[str] = frozenset(REPORT)

    @property
    def checks(self) -> bool:
        """Whether messages are looked at, which is not so with ``off`` alone."""
        return "off" not in self.words

    @property
    def omits_unplanned(self) -> bool:
        """Whether properties or traits that the plan does not have are left out."""
        return bool(self.words & {"omit", "omit_unplanned"})

    @property
    def omits_violating(self) -> bool:
        """Whether properties or traits that break the plan are left out."""
        return "omit" in self.words

    @property
    def blocks_violating(self) -> bool:
        """Whether a message that breaks a schema of the plan is not sent."""
        return "block" in self.words

    @property
    def blocks_unplanned(self) -> bool:
        """Whether a track event that is not in the plan is not sent."""
        return "block_unplanned" in self.words

    @property
    def forwards(self) -> bool:
        """Whether each violation is sent as an event of its own."""
        return "forward" in self.words

    @property
    def acts(self) -> bool:
        """Whether more is done than to report, so that the call has to wait for it."""
        return not self.words <= {"report", "off"}

    @classmethod
    def of(cls, words: Iterable[str]) -> Mode:
        """
        The mode that *words* make together.

        Raises:
            ValueError: One is unknown, or two contradict each other; the text follows
                the setting's name.
        """
        given = frozenset(words)
        for word in sorted(given - WORDS.keys()):
            near = get_close_matches(word, WORDS, 1) or WORDS
            raise ValueError(f"has no word {word!r}: use {', '.join(near)}")
        if not given:
            raise ValueError(f"has no word: use {', '.join(WORDS)}")
        if "off" in given and len(given) > 1:
            other = min(given - {"off"})
            raise ValueError(f"can not be off and {other}: off looks at no message")
        for pair, reason in _EXCLUSIVE:
            if pair <= given:
                both = " and ".join(sorted(pair))
                raise ValueError(f"can not be {both}: {reason}")
        return cls(given)


def modes(setting: Iterable[str] | Mapping[str, Iterable[str]]) -> dict[Call, Mode]:
    """
    The mode of each call.

    Args:
        setting: Words for all calls, or words by call, ``{"track": ["omit"]}``; a call
            that is not named has ``report``.

    Raises:
        ValueError: As `Mode.of`, for an unknown call, and for a word that means
            nothing for its call.
    """
    if not isinstance(setting, Mapping):
        everywhere = Mode.of(setting)
        return dict.fromkeys(CALLS, everywhere)
    for call, words in setting.items():
        if call not in CALLS:
            raise ValueError(f"has no call {call!r}: use {', '.join(CALLS)}")
        for word in words:
            if call not in _ONLY_FOR.get(word, CALLS):
                named = ", ".join(sorted(_ONLY_FOR[word]))
                raise ValueError(f"has {word} for {call}: it is for {named} only")
    return {call: Mode.of(setting.get(call, REPORT)) for call in CALLS}
