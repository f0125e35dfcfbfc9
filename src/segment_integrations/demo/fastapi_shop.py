"""
The shop in FastAPI: ``uvicorn segment_integrations.demo.fastapi_shop:app``.

The session is Starlette's, a signed cookie; who is signed in is its ``user_id``, which
is where the library looks. The write key is read from ``SEGMENT_WRITE_KEY``.
"""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.sessions import SessionMiddleware

from segment_integrations import Analytics, identify, reset, track, tracks
from segment_integrations.demo import pages, shop, users
from segment_integrations.demo.pages import TAKEN, WRONG
from segment_integrations.fastapi import SegmentMiddleware

analytics = Analytics(anonymous_cookie=True)
app = FastAPI(title="The Kettle Shop", openapi_url=None)
app.add_middleware(SessionMiddleware, secret_key=users.secret(), same_site="lax")
app.add_middleware(SegmentMiddleware, analytics=analytics)
app.mount("/static", StaticFiles(directory=shop.STATIC), name="static")

Text = Annotated[str, Form()]


def signed_in(request: Request) -> users.User | None:
    """The user that the session names."""
    return users.by_id(request.session.get("user_id"))


def cart_of(request: Request) -> shop.Cart:
    """What is in the cart."""
    cart: shop.Cart = request.session.get("cart", {})
    return cart


def frame_of(request: Request) -> pages.Frame:
    """What every page shows around its content."""
    user = signed_in(request)
    return pages.Frame(user.name if user else None, sum(cart_of(request).values()))


def product_of(slug: str) -> shop.Product:
    """The product of the address, or a 404."""
    if slug not in shop.PRODUCTS:
        raise HTTPException(404)
    return shop.PRODUCTS[slug]


def order_of(request: Request) -> shop.Order:
    """The order that the cart makes; an empty one goes back to its page."""
    order = shop.Order(cart_of(request))
    if not order.lines:
        raise HTTPException(303, headers={"Location": "/cart"})
    return order


User = Annotated[users.User | None, Depends(signed_in)]
Frame = Annotated[pages.Frame, Depends(frame_of)]
Order = Annotated[shop.Order, Depends(order_of)]


def see(path: str) -> RedirectResponse:
    """A redirect after a form, so that a reload posts nothing again."""
    return RedirectResponse(path, status_code=303)


@app.exception_handler(404)
def not_found(request: Request, _error: Exception) -> Response:
    """Any address that is none."""
    return HTMLResponse(pages.not_found(frame_of(request)), status_code=404)


@app.get("/", response_class=HTMLResponse)
def home(frame: Frame) -> str:
    """The first page."""
    return pages.home(frame)


@app.get("/old-home")
def old_home() -> Response:
    """The first page's former address."""
    return RedirectResponse("/", status_code=302)


@app.get("/products/{slug}", response_class=HTMLResponse)
def product(frame: Frame, slug: str) -> str:
    """The page of one product."""
    return pages.product(frame, product_of(slug))


@app.get("/api/stock/{slug}")
def stock(slug: str) -> dict[str, Any]:
    """How many are left, as JSON."""
    return shop.stock(product_of(slug))


@app.get("/favicon.ico")
def favicon() -> Response:
    """The icon."""
    return Response(shop.FAVICON, media_type=shop.FAVICON_TYPE)


@app.get("/signup", response_class=HTMLResponse)
def signup_form(frame: Frame) -> str:
    """The form that makes a user."""
    return pages.signup(frame)


@app.post("/signup")
def signup(
    request: Request, frame: Frame, name: Text, username: Text, password: Text
) -> Response:
    """Make a user and sign them in: from here on, events carry the user's id."""
    problem = users.problem(name, username, password)
    user = None if problem else users.create(username, name, password)
    if user is None:
        again = pages.signup(frame, problem or TAKEN, name=name, username=username)
        return HTMLResponse(again, status_code=400)
    request.session["user_id"] = user.id
    identify(user.id, user.traits)
    track("Signed Up", {"type": "organic", "username": user.username})
    return see("/account")


@app.get("/signin", response_class=HTMLResponse)
def signin_form(frame: Frame) -> str:
    """The form that lets a user in."""
    return pages.signin(frame)


@app.post("/signin")
def signin(request: Request, frame: Frame, username: Text, password: Text) -> Response:
    """Let a user in."""
    user = users.authenticate(username, password)
    if user is None:
        again = pages.signin(frame, WRONG, username=username)
        return HTMLResponse(again, status_code=400)
    request.session["user_id"] = user.id
    identify(user.id, user.traits)
    track("Signed In", {"username": user.username})
    return see("/account")


@app.get("/account", response_model=None)
def account(frame: Frame, user: User) -> Response:
    """The page of the user who is signed in."""
    if user is None:
        return see("/signin")
    return HTMLResponse(pages.account(frame, user.username))


@app.post("/signout")
def signout(request: Request, user: User) -> Response:
    """Forget the user: the visitor gets a new anonymous id as well."""
    if user is not None:
        track("Signed Out", {"username": user.username})
    request.session.clear()
    reset()
    return see("/")


@app.get("/cart", response_class=HTMLResponse)
def cart(request: Request, frame: Frame) -> str:
    """What is in the cart."""
    return pages.cart(frame, cart_of(request))


@app.post("/cart/{slug}")
def add(request: Request, slug: str) -> Response:
    """Put one more in."""
    chosen = product_of(slug)
    request.session["cart"] = shop.added(cart_of(request), chosen.slug)
    track("Product Added", chosen.properties())
    return see("/cart")


@app.post("/checkout")
@tracks(
    "Checkout Started",
    from_args=["order.order_id", "order.value", "order.currency", "order.products"],
    when="start",
)
def checkout(request: Request, order: Order) -> Response:
    """Turn the cart into an order. Nobody pays here, so it is complete at once."""
    request.session["cart"] = {}
    track("Order Completed", order.completed())
    return see("/thanks")


@app.get("/thanks", response_class=HTMLResponse)
def thanks(frame: Frame) -> str:
    """The page after an order."""
    return pages.thanks(frame)
