"""
Segment's event of a changed consent.

Source: Segment, "Consent Management", "Segment Consent Preference Updated event".
"""

from __future__ import annotations

from segment_integrations.core.event import Event

__all__ = ["SegmentConsentPreferenceUpdated"]


class SegmentConsentPreferenceUpdated(
    Event,
    name="Segment Consent Preference Updated",
    message={
        "properties": {
            "context": {
                "type": "object",
                "properties": {"consent": {"type": "object"}},
                "required": ["consent"],
            }
        }
    },
):
    """A user changed the consent, which ``context.consent`` has as a whole."""
