"""What is wrong with the name of an event: its case, its order, data in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from segment_integrations.plan.names.segment import SEMANTIC
from segment_integrations.plan.names.verbs import AFTER, is_done
from segment_integrations.plan.names.words import SMALL, titled, words

_EDGES: Final = "\"'()[]{}<>.,:;!?&+*#%@~`|=\u2018\u2019\u201c\u201d\u2026"
"""Signs around a word that are not a part of it."""

_PARTS: Final = re.compile("[-/\u2010\u2011\u2013]")
_ASIDE: Final = re.compile(r"\([^()]*\)")
_COUNTED: Final = re.compile(r"v?\d+(?:\.\d+)*", re.IGNORECASE)

_DATA: Final = (
    ("an email address", re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}\.[^\s@]")),
    (
        "a UUID",
        re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE),
    ),
    ("an IP address", re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")),
    ("a URL", re.compile(r"https?://", re.IGNORECASE)),
    (
        "a date",
        re.compile(
            r"(?<!\d)(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4})(?!\d)"
        ),
    ),
    ("a long number", re.compile(r"\d(?:[ ().-]?\d){5,}")),
)
"""What tells one person or thing from another, by what it is."""


def data_in(name: str) -> str | None:
    """What kind of data *name* seems to have in it, None for none."""
    return next((what for what, form in _DATA if form.search(name)), None)


def case_faults(name: str) -> Iterator[str]:
    """Why *name* is not in Title Case."""
    if name in SEMANTIC:
        return
    tokens = name.split()
    if " ".join(tokens) != name:
        yield "has spaces at an end, or more than one between two words"
    bad = [
        token
        for place, token in enumerate(tokens)
        if not _is_titled(token, is_inside=0 < place < len(tokens) - 1)
    ]
    is_shouted = len(tokens) > 1 and all(
        word.isupper() for word in tokens if any(char.isalpha() for char in word)
    )
    is_joined = len(tokens) == 1 and len(words(name)) > 1 and "-" not in name
    if bad or "_" in name or is_joined or (is_shouted and any(map(is_done, tokens))):
        wanted = titled(name.lower() if is_shouted else name)
        other = f": write {wanted!r}" if wanted != name else ""
        yield f"is not in Title Case{other}"


def _is_titled(token: str, *, is_inside: bool) -> bool:
    """Whether one word is as Title Case wants it; names such as iOS are themselves."""
    word = token.strip(_EDGES)
    if is_inside and word in SMALL:
        return True
    first = next((part for part in _PARTS.split(word) if part), "")
    start = first[:1]
    return not start.islower() or any(char.isupper() for char in first)


def order_faults(name: str) -> Iterator[str]:
    """Why *name* is no object and then what was done with it."""
    if name in SEMANTIC:
        return
    said = [token.strip(_EDGES) for token in _ASIDE.sub(" ", name).split()]
    if len(said) == 1:
        said = words(name)
    said = [word for word in said if word and not _COUNTED.fullmatch(word)]
    if not any(char.isascii() and char.isalpha() for word in said for char in word):
        return  # there is no telling a verb in a language that we do not know
    done = [place for place, word in enumerate(said) if _is_done(word)]
    if not done:
        yield "has no past-tense verb: say what was done, as in 'Order Completed'"
    elif not any(_may_end(said, place) for place in done):
        rest = " ".join(said[done[-1] + 1 :])
        yield (
            f"has {rest!r} after what was done: the object comes first, as in"
            " 'Order Completed'"
        )
    elif len(said) == 1:
        yield "has no object: say with what it was done, as in 'Order Completed'"


def _is_done(word: str) -> bool:
    return any(map(is_done, [word, *_PARTS.split(word)]))


def _may_end(said: list[str], place: int) -> bool:
    """Whether the verb at *place* ends the name, but for how or where it was done."""
    if place == len(said) - 1:
        return True
    following = said[place + 1].lower()
    return following in AFTER or following.endswith("ly")
