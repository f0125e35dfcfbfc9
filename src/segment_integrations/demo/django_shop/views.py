"""
The views of the shop.

`login()` and `logout()` are Django's, and the library listens to them: it identifies
the user with the visitor's anonymous id, and forgets both at the end. What it does not
send by itself is traits, and the *Signed Out* that ends the story.
"""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.middleware.csrf import get_token
from django.views.decorators.http import require_GET, require_POST

from segment_integrations import identify, track
from segment_integrations.demo import pages, shop, users
from segment_integrations.demo.pages import TAKEN, WRONG


class SeeOther(HttpResponseRedirect):
    """A redirect after a form, so that a reload posts nothing again."""

    status_code = 303


def cart_of(request: HttpRequest) -> shop.Cart:
    """What is in the cart."""
    cart: shop.Cart = request.session.get("cart", {})
    return cart


def frame_of(request: HttpRequest) -> pages.Frame:
    """What every page shows around its content."""
    return pages.Frame(
        request.user.first_name if isinstance(request.user, User) else None,
        sum(cart_of(request).values()),
        get_token(request),
    )


def product_of(slug: str) -> shop.Product:
    """The product of the address, or a 404."""
    if slug not in shop.PRODUCTS:
        raise Http404
    return shop.PRODUCTS[slug]


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Any address that is none."""
    return HttpResponse(pages.not_found(frame_of(request)), status=404)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The first page."""
    return HttpResponse(pages.home(frame_of(request)))


@require_GET
def old_home(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - every view takes one
    """The first page's former address."""
    return HttpResponseRedirect("/")


@require_GET
def product(request: HttpRequest, slug: str) -> HttpResponse:
    """The page of one product."""
    return HttpResponse(pages.product(frame_of(request), product_of(slug)))


@require_GET
def stock(request: HttpRequest, slug: str) -> HttpResponse:  # noqa: ARG001 - every view takes one
    """How many are left, as JSON."""
    return JsonResponse(shop.stock(product_of(slug)))


@require_GET
def favicon(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - every view takes one
    """The icon."""
    return HttpResponse(shop.FAVICON, content_type=shop.FAVICON_TYPE)


@require_GET
def style(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - every view takes one
    """The style sheet; whole, as Django's own view streams it badly under ASGI."""
    css = (shop.STATIC / "shop.css").read_bytes()
    return HttpResponse(css, content_type="text/css")


def created(name: str, username: str, password: str) -> User | None:
    """The new user, or None where the username is taken."""
    try:
        with transaction.atomic():
            return User.objects.create_user(
                username, password=password, first_name=name
            )
    except IntegrityError:
        return None


def signup(request: HttpRequest) -> HttpResponse:
    """Make a user and sign them in: from here on, events carry the user's id."""
    if request.method != "POST":
        return HttpResponse(pages.signup(frame_of(request)))
    name, username, password = (
        request.POST.get(field, "") for field in ("name", "username", "password")
    )
    problem = users.problem(name, username, password)
    user = None if problem else created(name, username, password)
    if user is None:
        again = pages.signup(
            frame_of(request), problem or TAKEN, name=name, username=username
        )
        return HttpResponse(again, status=400)
    login(request, user)
    identify(traits={"name": name, "createdAt": user.date_joined})
    track("Signed Up", {"type": "organic", "username": user.username})
    return SeeOther("/account")


def signin(request: HttpRequest) -> HttpResponse:
    """Let a user in."""
    if request.method != "POST":
        return HttpResponse(pages.signin(frame_of(request)))
    username = request.POST.get("username", "")
    password = request.POST.get("password", "")
    user = authenticate(request, username=username, password=password)
    if user is None:
        again = pages.signin(frame_of(request), WRONG, username=username)
        return HttpResponse(again, status=400)
    login(request, user)
    track("Signed In", {"username": username})
    return SeeOther("/account")


@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """The page of the user who is signed in."""
    if not request.user.is_authenticated:
        return SeeOther("/signin")
    return HttpResponse(pages.account(frame_of(request), request.user.get_username()))


@require_POST
def signout(request: HttpRequest) -> HttpResponse:
    """Forget the user: the visitor gets a new anonymous id as well."""
    if request.user.is_authenticated:
        track("Signed Out", {"username": request.user.get_username()})
    logout(request)
    return SeeOther("/")


@require_GET
def cart(request: HttpRequest) -> HttpResponse:
    """What is in the cart."""
    return HttpResponse(pages.cart(frame_of(request), cart_of(request)))


@require_POST
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Put one more in."""
    chosen = product_of(slug)
    request.session["cart"] = shop.added(cart_of(request), chosen.slug)
    track("Product Added", chosen.properties())
    return SeeOther("/cart")


@require_POST
def checkout(request: HttpRequest) -> HttpResponse:
    """Turn the cart into an order. Nobody pays here, so it is complete at once."""
    order = shop.Order(cart_of(request))
    if not order.lines:
        return SeeOther("/cart")
    del request.session["cart"]
    track("Checkout Started", order.started())
    track("Order Completed", order.completed())
    return SeeOther("/thanks")


@require_GET
def thanks(request: HttpRequest) -> HttpResponse:
    """The page after an order."""
    return HttpResponse(pages.thanks(frame_of(request)))
