"""A shop for books: the factory, who signs in, and what is mounted beside it."""

import sys

import click
from flask import Flask, g, jsonify, request, session
from flask_login import LoginManager, UserMixin
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_app.api import api
from flask_app.pages import RefusedError, pages


class Reader(UserMixin):
    def __init__(self, name):
        self.id = f"reader-{name}"
        self.name = name


def create_app():
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="a-strangers-secret",
        MAX_CONTENT_LENGTH=10_000,
        PERMANENT_SESSION_LIFETIME=3_600,
    )
    app.users = {name: Reader(name) for name in ("ada", "bob")}
    app.seen = []
    login = LoginManager(app)
    login.login_view = "pages.sign_in"
    by_id = {user.id: user for user in app.users.values()}
    login.user_loader(by_id.get)

    @login.request_loader
    def by_header(sent):
        return app.users.get(sent.headers.get("X-Reader"))

    @app.before_request
    def closed():
        g.started = "started"
        if "X-Closed" in request.headers:
            return "<p>Closed", 503
        return None

    @app.after_request
    def stamp(response):
        response.headers["X-Shop"] = "books"
        return response

    @app.teardown_request
    def note(error):
        app.seen.append(type(error).__name__)

    @app.errorhandler(404)
    def none(error):
        return f"<h1>No {request.path}</h1>", 404

    @app.errorhandler(500)
    def failed(error):
        return f"<h1>Sorry: {type(error.original_exception).__name__}</h1>", 500

    @app.errorhandler(RefusedError)
    def refused(error):
        return jsonify(error=str(error)), 409

    @app.cli.command("readers")
    def readers():
        click.echo(f"{len(app.users)} readers")

    app.register_blueprint(pages)
    app.register_blueprint(api)
    return app


def create_office():
    """Another application, mounted at /office."""
    app = Flask("office")
    app.config.update(SECRET_KEY="another", SESSION_COOKIE_NAME="office")

    @app.get("/")
    def desk():
        session["sat"] = True
        return f"<h1>Desk at {request.script_root}</h1>"

    @app.get("/board")
    def board():
        return "<p>Board"

    @app.get("/broken")
    def broken():
        raise KeyError("office")

    return app


def legacy(environ, start_response):
    """What was there before Flask, mounted at /legacy."""
    if environ["PATH_INFO"] == "/error":
        try:
            int("old")
        except ValueError:
            start_response("200 OK", [("Content-Type", "text/html")])
            start_response("500 OOPS", [("Content-Type", "text/plain")], sys.exc_info())
            return [b"oops"]
    write = start_response("200 OK", [("Content-Type", "text/html"), ("X-Old", "1")])
    write(b"<p>written ")
    return [b"", b"<p>", environ["SCRIPT_NAME"].encode()]


def mounted(app, office):
    """The shop with its neighbours, behind a proxy."""
    app.wsgi_app = DispatcherMiddleware(
        app.wsgi_app, {"/office": office, "/legacy": legacy}
    )
    return app


def make():
    """What the server serves."""
    app = mounted(create_app(), create_office())
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_prefix=1)
    return app
