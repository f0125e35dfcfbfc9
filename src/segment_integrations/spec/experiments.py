"""
Segment's event of A/B tests.

Source: Segment, Spec, "A/B Testing".
"""

from __future__ import annotations

from segment_integrations.core.event import Event
from segment_integrations.spec.kinds import UNSET, Text

__all__ = ["ExperimentViewed"]


class ExperimentViewed(Event, name="Experiment Viewed"):
    """A visitor saw one variation of an experiment."""

    experiment_id: Text = UNSET
    experiment_name: Text = UNSET
    variation_id: Text = UNSET
    variation_name: Text = UNSET
