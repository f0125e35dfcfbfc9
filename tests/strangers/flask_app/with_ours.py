"""The same shop with our extension, added to both of its applications."""

from werkzeug.middleware.proxy_fix import ProxyFix

from flask_app.app import create_app, create_office, mounted
from segment_integrations.flask import Segment


def make():
    """What the server serves."""
    app, office = create_app(), create_office()
    Segment(office)
    mounted(app, office)
    Segment(app)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_prefix=1)
    return app
