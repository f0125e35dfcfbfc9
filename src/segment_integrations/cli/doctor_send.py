"""The one test event that ``doctor --send`` sends, by our own client."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from segment_integrations.cli.doctor_settings import Finding
from segment_integrations.client import Analytics
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from segment_integrations.core.settings import Settings

TEST_EVENT: Final = "Segment Integrations Doctor"


def send(settings: Settings, timeout: float) -> Finding:
    """Send one event by our own client, past the spool and the program's hooks."""
    quiet_settings = replace(
        settings,
        enabled=True,
        timeout=timeout,
        spool="off",
        spool_dir=None,
        overflow="drop_newest",
        sample=1.0,
        processors=(),
        on_error=None,
        on_drop=None,
        on_delivered=None,
    )
    try:
        analytics = Analytics.from_settings(quiet_settings)
    except ConfigurationError as error:
        return Finding("send", "failed", str(error))
    message_id = analytics.track(TEST_EVENT, anonymous_id=str(uuid.uuid4()))
    analytics.flush(timeout)
    stats, health = analytics.stats(), analytics.health()
    analytics.close(0)
    if stats.delivered:
        return Finding(
            "send",
            "ok",
            f"the endpoint took the event, messageId {message_id}",
            "look for it in the source's debugger: Segment takes events of unknown"
            " keys and of the other region as well",
        )
    why = health.reason or stats.last_error or f"no answer within {timeout:g} s"
    return Finding(
        "send",
        "failed",
        f"not delivered, messageId {message_id}: {why}",
        "the checks above say where it ends" if not health.reason else "",
    )
