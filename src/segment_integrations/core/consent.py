"""What a visitor agreed to: the `consent` callable and Global Privacy Control."""

from __future__ import annotations

import logging
import types
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from segment_integrations.core.counters import Throttle
    from segment_integrations.core.request import RequestInfo
    from segment_integrations.core.settings import Settings

Answer = bool | dict[str, bool]
"""Yes, no, or the categories that are stamped on each event."""

SALE_CATEGORIES: Final = frozenset(
    {
        *["advertising", "datasharing", "data_sharing", "targeting", "marketing"],
        *["sale", "c0004"],  # OneTrust's id of its targeting cookies
    }
)
"""Categories that Global Privacy Control speaks about, in lower case."""

NECESSARY_CATEGORIES: Final = frozenset(
    {"necessary", "strictly_necessary", "strictlynecessary", "essential", "c0001"}
)
"""Categories that nobody is asked about, and to which a yes says nothing."""

_NO_ANSWERS: Final = (
    types.CoroutineType,
    types.AsyncGeneratorType,
    types.GeneratorType,
    types.FunctionType,
    types.MethodType,
)
"""Kinds that are true and say nothing: an await or a call was forgotten."""


def ask(info: RequestInfo, settings: Settings, throttle: Throttle) -> Answer:
    """
    The visitor's answer; yes where the application does not ask.

    A callable that raises has not said yes, so its answer is no; and so is what waits
    for an await or a call, and an empty mapping, which is never stamped: Segment reads
    it as a refusal of everything.
    """
    if settings.consent is None:
        return True
    answer: Callable[[Any], object] = settings.consent
    with throttle.guard("consent"):
        takes_info = getattr(answer, "takes_info", False) is True
        given = answer(info if takes_info else info.native)
        if given is True or given is False:
            return given
        if isinstance(given, Mapping):
            return _preferences(
                given, objects=settings.respect_gpc and signals_gpc(info)
            )
        if isinstance(given, _NO_ANSWERS) or hasattr(given.__class__, "__await__"):
            return _no_answer(given, throttle)
        return bool(given)
    return False


def _no_answer(given: object, throttle: Throttle) -> Answer:
    throttle.log(
        "consent",
        logging.ERROR,
        "consent answered with a %s, which is taken for a no: it must be a plain"
        " function that answers true, false or a mapping",
        type(given).__name__,
    )
    if isinstance(given, Coroutine):
        given.close()  # else Python warns that it was never awaited
    return False


def _preferences(given: Mapping[object, object], *, objects: bool) -> Answer:
    """The categories of *given*; an empty mapping is a no."""
    return {
        str(category): bool(allowed)
        and not (objects and str(category).lower() in SALE_CATEGORIES)
        for category, allowed in given.items()
    } or False


def signals_gpc(info: RequestInfo) -> bool:
    """
    True where the browser sends ``Sec-GPC: 1``.

    Source: the Global Privacy Control specification; only the value 1 counts.
    """
    return (info.taken or info.take()).sec_gpc == "1"


def objects(info: RequestInfo, settings: Settings) -> bool:
    """
    True where Global Privacy Control stops what nobody in the application asked for.

    That is the automatic page call and the minting of an id; calls that the
    application makes are its own decision. Where it asks for consent itself, that is
    the more specific answer.
    """
    return (
        settings.respect_gpc
        and settings.consent is None
        and (info.taken or info.take()).sec_gpc
        == "1"  # as `signals_gpc`, without its call
    )


def agrees_to_any(answer: Answer) -> bool:
    """False for a plain no, and for a no to each category that can be refused."""
    if not isinstance(answer, dict):
        return answer
    return any(
        allowed
        for category, allowed in answer.items()
        if category.lower() not in NECESSARY_CATEGORIES
    )
