"""From the settings of a plan to an `Enforcer`, at start-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from segment_integrations.errors import ConfigurationError, PlanError
from segment_integrations.plan.enforcing.enforcer import Enforcer
from segment_integrations.plan.enforcing.tell import Teller
from segment_integrations.plan.modes import Mode, modes

if TYPE_CHECKING:
    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.message import Call, Message
    from segment_integrations.core.settings import Settings
    from segment_integrations.plan.tracking import TrackingPlan


def opened(
    settings: Settings,
    *,
    spell: Callable[[str], str],
    drops: Drops,
    throttle: Throttle,
    put: Callable[[bytes, Message], object],
    post: Callable[[Callable[[], object]], object] | None,
) -> Enforcer | None:
    """
    Make the `Enforcer` that *settings* ask for; None where nothing is looked at.

    Args:
        settings: Of which `plan`, `plan_mode`, `on_violation`, `strict`, `enabled`.
        spell: The spelling of a setting's name, for error texts.
        drops: As `Enforcer` has it.
        throttle: As `Enforcer` has it.
        put: As `Teller` has it.
        post: As `Teller` has it; None where the sink is not our own delivery.

    Raises:
        ConfigurationError: The settings contradict each other, or the extra is missing.
        PlanError: The plan can't be read, or can't be used.
    """
    found = usable(settings, spell)
    if found is None:
        return None
    plan, by_call = found
    teller = Teller(
        plan,
        throttle=throttle,
        drops=drops,
        hook=settings.on_violation,
        post=post,
        put=put,
    )
    enforcer = Enforcer(
        plan,
        by_call,
        teller,
        drops=drops,
        throttle=throttle,
        is_last=post is None,
        strict=settings.strict,
    )
    enforcer.prepare()
    return enforcer


def usable(
    settings: Settings, spell: Callable[[str], str]
) -> tuple[TrackingPlan, Mapping[Call, Mode]] | None:
    """
    The plan that *settings* give, and the mode of each call; None where nothing is.

    Raises:
        ConfigurationError: As `opened`.
        PlanError: As `opened`.
    """
    try:
        by_call = modes(settings.plan_mode)
    except ValueError as error:
        raise ConfigurationError(
            f"{spell('plan_mode')} {error}", setting="plan_mode"
        ) from None
    is_off = not any(mode.checks for mode in by_call.values())
    if settings.plan is None and not is_off:
        raise ConfigurationError(
            f"{spell('plan_mode')} needs a plan: set {spell('plan')}",
            setting="plan_mode",
        )
    if is_off or not settings.enabled:
        return None
    return loaded(settings.plan, spell("plan")), by_call


def loaded(plan: object, spelled: str = "plan") -> TrackingPlan:
    """
    The plan that a setting or an option gives.

    Args:
        plan: A path, or the plan itself.
        spelled: What the setting or the option is called, for error texts.

    Raises:
        ConfigurationError: The extra is missing, or it is neither.
        PlanError: It can't be read, or can't be used.
    """
    try:
        from segment_integrations.plan.tracking import TrackingPlan
    except ConfigurationError as error:  # the extra is missing: it says how to get it
        raise ConfigurationError(f"{spelled}: {error}", setting="plan") from None
    if isinstance(plan, Path):
        try:
            return TrackingPlan.load(plan)
        except PlanError as error:
            error.args = (f"{spelled}: {error}",)
            raise
    if not isinstance(plan, TrackingPlan):
        raise ConfigurationError(
            f"{spelled} must be the path of a plan or a TrackingPlan,"
            f" got {type(plan).__name__}",
            setting="plan",
        )
    return plan
