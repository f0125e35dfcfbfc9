"""The trace that an event was made in, where the application uses OpenTelemetry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from segment_integrations.core.counters import Throttle

TRACE_API: Final = "opentelemetry.trace"


def current_trace(throttle: Throttle) -> dict[str, str] | None:
    """
    Ids of the active span as ``{"traceId": ..., "spanId": ...}``, or None.

    They are 32 and 16 hexadecimal digits, as in a W3C ``traceparent``. The API is
    never imported: where nothing else has, no span can be active.

    Args:
        throttle: The log, for an API that is not what it should be.
    """
    api = sys.modules.get(TRACE_API)
    if api is None:
        return None
    try:
        active = api.get_current_span()
        if active is api.INVALID_SPAN:  # there is none
            return None
        span = active.get_span_context()
        if span.is_valid:
            return {
                "traceId": format(span.trace_id, "032x"),
                "spanId": format(span.span_id, "016x"),
            }
    except Exception as error:  # noqa: BLE001 - never the request's
        throttle.failed("trace", error)
    return None
