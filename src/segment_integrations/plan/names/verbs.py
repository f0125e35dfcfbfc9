"""Which English words say that something is done: the action in an event's name."""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
    ate awoke awoken became become began begun bent bet bid bought bound broadcast
    broke broken brought built burnt caught chose chosen come cost crept cut dealt
    did done drawn drew driven drove dug fallen fed fell felt fled flew flown
    forbidden forecast forgiven forgot forgotten fought found froze frozen gave
    given gone got gotten grew grown heard held hid hidden hit hung hurt input kept
    knew known laid lain lay learnt led left lent let lit lost made meant met
    misread misspelt mistaken offset outbid output overcome overdrawn overheard
    overridden overrode oversold overwritten overwrote paid prepaid preset proven
    put quit ran rang read rebuilt redone redrawn regrown reheard reheld relaid
    remade repaid reread rerun resent reset resold respent retaken rethought retold
    reunited rewon rewound rewritten rewrote ridden risen rode rose run rung said
    sat saw seen sent set sewn shaken shed shone shot shown shrunk shut slept slid
    sold sought spelt spent split spoke spoken spread sprung spun stole stolen stood
    struck stuck sung sunk swept sworn swum swung taken taught thought threw thrown
    told took torn unbound undergone understood undid undone unfrozen unhidden
    unlent unread unsent unset unsold untaken upheld upset went withdrawn withdrew
    withheld woke woken won wore worn wound woven written wrote
"""
_IRREGULAR: Final = frozenset(_WORDS.split())
"""Past tenses and participles that do not end in -ed."""

_DOUBLE_E: Final = frozenset({"agreed", "decreed", "disagreed", "freed", "guaranteed"})
"""Verbs among the words in -eed; the others are nouns or present tense."""

_NO_VERBS: Final = frozenset(
    {"biped", "embed", "hundred", "kindred", "moped", "naked", "sacred", "sled"}
)
"""Words in -ed that are no past tense."""

_SHORTEST: Final = 4
"""Letters of the shortest regular verb, ``used``; shorter are ``red`` and ``bed``."""

AFTER: Final = frozenset(
    {
        *["about", "across", "after", "again", "against", "ahead", "along", "and"],
        *["around", "as", "at", "away", "back", "before", "between", "but", "by"],
        *["down", "during", "for", "forward", "from", "in", "into", "of", "off"],
        *["on", "once", "onto", "or", "out", "over", "per", "through", "to"],
        *["together", "twice", "under", "until", "up", "upon", "via", "when"],
        *["while", "with", "within", "without"],
    }
)
"""Words that may follow the action: ``Signed Up``, ``Product Added to Wishlist``."""


def is_done(word: str) -> bool:
    """Whether *word*, in any case, is a past tense."""
    small = word.lower()
    if small in _IRREGULAR:
        return True
    if not small.endswith("ed") or len(small) < _SHORTEST or small in _NO_VERBS:
        return False
    return not small.endswith("eed") or small in _DOUBLE_E
