"""
Capture events in tests instead of sending them.

With pytest the fixture `segment_events` does it; elsewhere `capture()`.
"""

from segment_integrations.testing.capture import SegmentEvents, capture
from segment_integrations.testing.headers import BROWSER_HEADERS

__all__ = ["BROWSER_HEADERS", "SegmentEvents", "capture"]
