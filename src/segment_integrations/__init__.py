"""
Product analytics for Python web applications, delivered to Segment.

Importing this package imports no framework; each framework's part is a module of its
own: `segment_integrations.fastapi`, `.flask`, `.django` and so on.
"""

__version__ = "0.1.0"

from segment_integrations.api import (
    alias,
    bind,
    flush,
    group,
    identify,
    page,
    propagate,
    reset,
    screen,
    set_user,
    track,
)
from segment_integrations.client import Analytics
from segment_integrations.core.current import RequestContext, current
from segment_integrations.core.event import Event, Traits, View
from segment_integrations.core.settings import Settings
from segment_integrations.decorators import no_page, page_name, tracks
from segment_integrations.errors import (
    BatchRejected,
    ConfigurationError,
    DeliveryError,
    EventTooLarge,
    InvalidEvent,
    PlanViolation,
    QueueFull,
    RetriesExhausted,
    SegmentError,
    TransportError,
)

__all__ = [
    "Analytics",
    "BatchRejected",
    "ConfigurationError",
    "DeliveryError",
    "Event",
    "EventTooLarge",
    "InvalidEvent",
    "PlanViolation",
    "QueueFull",
    "RequestContext",
    "RetriesExhausted",
    "SegmentError",
    "Settings",
    "Traits",
    "TransportError",
    "View",
    "alias",
    "bind",
    "current",
    "flush",
    "group",
    "identify",
    "no_page",
    "page",
    "page_name",
    "propagate",
    "reset",
    "screen",
    "set_user",
    "track",
    "tracks",
]
