"""
Both ways between this package and segment-analytics-python.

`AnalyticsPythonSink` delivers our events through such a client. `Client` and `adopt`
are the other way round: calls that are made of that package run on our engine. Only
those two need it installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from segment_integrations.analytics_python.sink import AnalyticsPythonSink, PythonClient

if TYPE_CHECKING:
    from segment_integrations.analytics_python.adopted import adopt
    from segment_integrations.analytics_python.client import Client

__all__ = ["AnalyticsPythonSink", "Client", "PythonClient", "adopt"]


def __getattr__(name: str) -> object:
    # Late: who has rudder-sdk-python alone imports the sink.
    if name == "Client":
        from segment_integrations.analytics_python.client import Client

        return Client
    if name == "adopt":
        from segment_integrations.analytics_python.adopted import adopt

        return adopt
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
