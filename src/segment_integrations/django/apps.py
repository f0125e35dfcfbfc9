"""What happens when Django starts: listening, and nothing else."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks as django_checks
from django.core.signals import setting_changed

from segment_integrations import defaults
from segment_integrations.django import checks, config, serving, signals


class SegmentConfig(AppConfig):
    """
    The app.

    It runs for `migrate` and `shell` too, so no thread, client or connection is made.
    """

    name = "segment_integrations.django"
    label = "segment_integrations"
    verbose_name = "Segment"

    def ready(self) -> None:
        """Connect checks and signals, and let module-level calls use `SEGMENT`."""
        django_checks.register(checks.check_settings)
        django_checks.register(checks.check_middleware)
        signals.connect()
        setting_changed.connect(
            config.on_setting_changed,
            dispatch_uid="segment_integrations.config",
            weak=False,
        )
        defaults.add_factory(config.analytics)
        serving.drain_at_sigterm()
