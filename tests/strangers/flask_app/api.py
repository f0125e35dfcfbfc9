"""Blueprints in blueprints, with handlers of their own at each level."""

from flask import Blueprint, abort, g, jsonify, render_template, request
from flask.views import MethodView, View

BOOKS = ["dune", "emma"]

api = Blueprint("api", __name__, url_prefix="/api")
v1 = Blueprint("v1", __name__, url_prefix="/v1/<tenant>")
books = Blueprint("books", __name__, url_prefix="/books")


class OutOfPrintError(Exception):
    """A book that nobody has."""


@v1.url_value_preprocessor
def _tenant(endpoint, values):
    g.tenant = values.pop("tenant", None)


@v1.url_defaults
def _same_tenant(endpoint, values):
    values.setdefault("tenant", g.get("tenant", "t1"))


@api.before_request
def _key():
    if request.headers.get("X-Key") == "wrong":
        return jsonify(error="key"), 401
    return None


@books.after_request
def _stamp(response):
    response.headers["X-Tenant"] = g.get("tenant") or "none"
    return response


@books.errorhandler(OutOfPrintError)
def _gone(error):
    return jsonify(error=str(error)), 410


@api.errorhandler(404)
def _none(error):
    return jsonify(error="none"), 404


class Shelf(View):
    """A class-based view of the older kind."""

    methods = ("GET",)
    init_every_request = False

    def __init__(self, template):
        self.template = template

    def dispatch_request(self):
        return render_template(self.template, books=BOOKS)


class Book(MethodView):
    def get(self, name):
        if name == "rare":
            raise OutOfPrintError(name)
        if name not in BOOKS:
            abort(404)
        return {"book": name, "tenant": g.tenant}

    def put(self, name):
        return {"put": request.get_json(), "name": name}, 202

    def delete(self, name):
        return "", 204


books.add_url_rule("/", view_func=Shelf.as_view("all", "books.html"))
books.add_url_rule("/<name>", view_func=Book.as_view("one"))
v1.register_blueprint(books)
api.register_blueprint(v1)
