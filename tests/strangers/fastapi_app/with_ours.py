"""The same site with our middleware, added as the README says."""

from fastapi_app.app import create_app
from segment_integrations import Analytics
from segment_integrations.fastapi import SegmentMiddleware


def make():
    """What the server serves."""
    app = create_app()
    app.add_middleware(SegmentMiddleware, analytics=Analytics())
    return app
