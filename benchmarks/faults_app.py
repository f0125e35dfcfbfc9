"""The WSGI application that gunicorn preloads: one event for each request."""

import clients


def make(name, host):
    """An application whose client is made in the master process, before the fork."""
    client = clients.make(name, host)

    def application(environ, start_response):
        client.track(environ["PATH_INFO"].lstrip("/"), {})
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    return application
