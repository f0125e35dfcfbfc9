"""The process's `Analytics`, made of the setting `SEGMENT` when it is needed first."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from django.conf import settings as django_settings

from segment_integrations.client import Analytics, with_plan
from segment_integrations.core.settings import Settings
from segment_integrations.core.tap import is_test_run
from segment_integrations.django import held, routing, transactions
from segment_integrations.errors import ConfigurationError

logger = logging.getLogger("segment_integrations")

NAME: Final = "SEGMENT"

MISSING_KEY: Final = (
    'SEGMENT["WRITE_KEY"] is missing, and so is SEGMENT_WRITE_KEY in the environment:'
    " nothing is sent"
)

_made: Final[dict[str, Analytics]] = {}
"""At most one. A dict, for its `setdefault` needs no lock that a fork could break."""

_plans: Final[dict[Path, Any]] = {}
"""The plan that a start-up has loaded, by its path, until the `Analytics` takes it."""


def spell(name: str) -> str:
    """How a setting's *name* is written in Django's settings."""
    return f'{NAME}["{name.upper()}"]'


def resolve() -> Settings:
    """
    The settings as they are now.

    Raises:
        ConfigurationError: A name is unknown or a value is wrong.
    """
    given = getattr(django_settings, NAME, None)
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{NAME} must be a dict, got {type(given).__name__}")
    for name in given:
        if not isinstance(name, str) or not name.isupper():
            raise ConfigurationError(
                f"{NAME}[{name!r}] is no setting: the names are in capitals, as in"
                f" {spell('write_key')}",
                setting=str(name).lower(),
            )
    return Settings.resolve(
        arguments={},
        config={name.lower(): value for name, value in given.items()},
        spell=spell,
    )


def at_start() -> Settings:
    """
    The settings as `resolve` has them, with the tracking plan loaded, if there is one.

    Raises:
        ConfigurationError: As `resolve`; or the plan can't be used.
    """
    settings = resolve()
    loaded = with_plan(settings, spell)
    if isinstance(settings.plan, Path):
        _plans[settings.plan] = loaded.plan
    return loaded


def lacks_key(settings: Settings) -> bool:
    """True where only the write key keeps events from being sent."""
    return settings.enabled and settings.write_key is None


def analytics() -> Analytics:
    """
    The process's `Analytics`, a new one if it was closed; never raises.

    Wrong settings have been refused at start-up, by the checks and the middleware.
    Without a key, or with settings that went wrong since, its calls do nothing.
    """
    found = _made.get(NAME)
    if found is not None:
        if not found.is_closed:
            return found
        _made.pop(NAME, None)
    made = _make()
    kept = _made.setdefault(NAME, made)
    if kept is not made:
        made.close(timeout=0)
    return kept


def _make() -> Analytics:
    try:
        made = _of(resolve())
    except ConfigurationError as error:
        logger.error("nothing is sent: %s", error)  # noqa: TRY400 - the text says all
        made = _of(Settings(enabled=False))
    made.deferral = transactions.TransactionDeferral()
    return made


def _of(settings: Settings) -> Analytics:
    if lacks_key(settings) and not is_test_run():
        logger.warning(MISSING_KEY)
        settings = replace(settings, enabled=False)
    if isinstance(settings.plan, Path):
        plan = _plans.pop(settings.plan, settings.plan)
        settings = replace(settings, plan=plan)
    return Analytics.from_settings(settings, spell=spell)


def on_setting_changed(*, setting: str, **_: Any) -> None:
    """Let the next request see what `override_settings` changed."""
    if setting == "ROOT_URLCONF":
        routing.forget_resolved()
    elif setting in {"ALLOWED_HOSTS", "DEBUG"}:
        held.forget_hosts()
    elif setting == NAME:
        former = _made.pop(NAME, None)
        if former is not None:
            former.close()
