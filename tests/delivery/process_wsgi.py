"""
A WSGI application whose client is made, and used, where the module is imported.

What it is asked for is an event; the answer is the process that tracked it.
"""

import os

from segment_integrations import Analytics

analytics = Analytics()  # settings: from the environment
analytics.track("Imported", {"pid": os.getpid()}, user_id="u")


def application(environ, start_response):
    analytics.track(environ["PATH_INFO"], {"pid": os.getpid()}, user_id="u")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
