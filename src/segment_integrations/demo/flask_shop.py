"""
The shop in Flask: ``gunicorn segment_integrations.demo.flask_shop:app``.

The session is Flask's, a signed cookie; who is signed in is its ``user_id``, which is
where the library looks. The write key is read from ``SEGMENT_WRITE_KEY``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask, abort, g, redirect, request, session

from segment_integrations import identify, reset, track, tracks
from segment_integrations.demo import pages, shop, users
from segment_integrations.demo.pages import TAKEN, WRONG
from segment_integrations.flask import Segment

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from werkzeug.exceptions import NotFound

app = Flask(__name__, static_folder=shop.STATIC, static_url_path="/static")
app.config.update(
    SECRET_KEY=users.secret(),
    SESSION_COOKIE_SAMESITE="Lax",
    SEGMENT_ANONYMOUS_COOKIE=True,
)
segment = Segment(app)


def signed_in() -> users.User | None:
    """The user that the session names, looked up once in a request."""
    if "user" not in g:
        g.user = users.by_id(session.get("user_id"))
    user: users.User | None = g.user
    return user


def cart_of() -> shop.Cart:
    """What is in the cart."""
    cart: shop.Cart = session.get("cart", {})
    return cart


def frame() -> pages.Frame:
    """What every page shows around its content."""
    user = signed_in()
    return pages.Frame(user.name if user else None, sum(cart_of().values()))


def product_of(slug: str) -> shop.Product:
    """The product of the address, or a 404."""
    if slug not in shop.PRODUCTS:
        abort(404)
    return shop.PRODUCTS[slug]


@app.errorhandler(404)
def not_found(_error: NotFound) -> ResponseReturnValue:
    """Any address that is none."""
    return pages.not_found(frame()), 404


@app.get("/")
def home() -> str:
    """The first page."""
    return pages.home(frame())


@app.get("/old-home")
def old_home() -> ResponseReturnValue:
    """The first page's former address."""
    return redirect("/", 302)


@app.get("/products/<slug>")
def product(slug: str) -> str:
    """The page of one product."""
    return pages.product(frame(), product_of(slug))


@app.get("/api/stock/<slug>")
def stock(slug: str) -> dict[str, Any]:
    """How many are left, as JSON."""
    return shop.stock(product_of(slug))


@app.get("/favicon.ico")
def favicon() -> ResponseReturnValue:
    """The icon."""
    return shop.FAVICON, {"Content-Type": shop.FAVICON_TYPE}


@app.get("/signup")
def signup_form() -> str:
    """The form that makes a user."""
    return pages.signup(frame())


@app.post("/signup")
def signup() -> ResponseReturnValue:
    """Make a user and sign them in: from here on, events carry the user's id."""
    name, username = request.form["name"], request.form["username"]
    password = request.form["password"]
    problem = users.problem(name, username, password)
    user = None if problem else users.create(username, name, password)
    if user is None:
        text = problem or TAKEN
        return pages.signup(frame(), text, name=name, username=username), 400
    session["user_id"] = user.id
    identify(user.id, user.traits)
    track("Signed Up", {"type": "organic", "username": user.username})
    return redirect("/account", 303)


@app.get("/signin")
def signin_form() -> str:
    """The form that lets a user in."""
    return pages.signin(frame())


@app.post("/signin")
def signin() -> ResponseReturnValue:
    """Let a user in."""
    username = request.form["username"]
    user = users.authenticate(username, request.form["password"])
    if user is None:
        return pages.signin(frame(), WRONG, username=username), 400
    session["user_id"] = user.id
    identify(user.id, user.traits)
    track("Signed In", {"username": user.username})
    return redirect("/account", 303)


@app.get("/account")
def account() -> ResponseReturnValue:
    """The page of the user who is signed in."""
    user = signed_in()
    if user is None:
        return redirect("/signin", 303)
    return pages.account(frame(), user.username)


@app.post("/signout")
def signout() -> ResponseReturnValue:
    """Forget the user: the visitor gets a new anonymous id as well."""
    user = signed_in()
    if user is not None:
        track("Signed Out", {"username": user.username})
    session.clear()
    reset()
    return redirect("/", 303)


@app.get("/cart")
def cart() -> str:
    """What is in the cart."""
    return pages.cart(frame(), cart_of())


@app.post("/cart/<slug>")
def add(slug: str) -> ResponseReturnValue:
    """Put one more in."""
    chosen = product_of(slug)
    session["cart"] = shop.added(cart_of(), chosen.slug)
    track("Product Added", chosen.properties())
    return redirect("/cart", 303)


@tracks("Checkout Started", properties=lambda result: result.started())
def begin(cart: shop.Cart) -> shop.Order:
    """The order that *cart* makes."""
    return shop.Order(cart)


@app.post("/checkout")
def checkout() -> ResponseReturnValue:
    """Turn the cart into an order. Nobody pays here, so it is complete at once."""
    if not cart_of():
        return redirect("/cart", 303)
    order = begin(session.pop("cart"))
    track("Order Completed", order.completed())
    return redirect("/thanks", 303)


@app.get("/thanks")
def thanks() -> str:
    """The page after an order."""
    return pages.thanks(frame())
