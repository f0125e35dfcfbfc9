"""
The pages of the shop as HTML, the same in each framework.

Plain strings, so that the demo needs no template engine and the wheel no more files.
Whatever is not written here is escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from segment_integrations.demo.shop import CURRENCY, PRODUCTS, Order, Product

if TYPE_CHECKING:
    from collections.abc import Mapping

TAKEN = "This username is taken."
WRONG = "This username and password do not belong together."

LAYOUT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - The Kettle Shop</title>
<link rel="icon" href="/favicon.ico">
<link rel="stylesheet" href="/static/shop.css">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<a class="brand" href="/">The Kettle Shop</a>
<nav aria-label="Main">{links}</nav>
</header>
<main id="main">
<h1>{title}</h1>
{body}
</main>
<footer><p>A demonstration: nothing here is for sale.</p></footer>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Frame:
    """
    What every page shows around its content.

    Args:
        name: The name of the user who is signed in, None when nobody is.
        cart_size: How many things are in the cart.
        token: Django's CSRF token, put into each form; the other shops rely on
            their session cookie being `SameSite=Lax`.
    """

    name: str | None = None
    cart_size: int = 0
    token: str = ""

    def form(self, action: str, content: str, css: str = "") -> str:
        """A form that posts *content* (HTML) to *action*."""
        token = (
            f'<input type="hidden" name="csrfmiddlewaretoken"'
            f' value="{escape(self.token)}">'
            if self.token
            else ""
        )
        return (
            f'<form method="post" action="{escape(action)}" class="{css}">'
            f"{token}{content}</form>"
        )

    def button(self, action: str, text: str, css: str = "") -> str:
        """A form with nothing but a button."""
        return self.form(action, f"<button>{escape(text)}</button>", css)

    def page(self, title: str, body: str) -> str:
        """The whole document; *body* is HTML, *title* is text."""
        links = [f'<a href="/cart">Cart ({self.cart_size})</a>']
        if self.name is None:
            links += ['<a href="/signin">Sign in</a>', '<a href="/signup">Sign up</a>']
        else:
            links += [
                f'<a href="/account">{escape(self.name)}</a>',
                self.button("/signout", "Sign out", "inline"),
            ]
        return LAYOUT.format(title=escape(title), links=" ".join(links), body=body)


def price(cents: int) -> str:
    """A price as people read it."""
    return f"{cents / 100:.2f} {CURRENCY}"


def _cards(frame: Frame) -> str:
    cards = "".join(
        f'<li class="card"><h2><a href="/products/{product.slug}">'
        f"{escape(product.name)}</a></h2><p>{price(product.cents)}</p>"
        f"{frame.button(f'/cart/{product.slug}', 'Add to cart')}</li>"
        for product in PRODUCTS.values()
    )
    return f'<ul class="cards">{cards}</ul>'


def home(frame: Frame) -> str:
    """The page at ``/``."""
    return frame.page("Everything for tea", _cards(frame))


def product(frame: Frame, shown: Product) -> str:
    """The page of one product."""
    return frame.page(
        shown.name,
        f"<p>{escape(shown.about)}</p><p><strong>{price(shown.cents)}</strong></p>"
        + frame.button(f"/cart/{shown.slug}", "Add to cart"),
    )


def _field(name: str, label: str, value: str, kind: str, complete: str) -> str:
    return (
        f'<p><label for="{name}">{label}</label><input id="{name}" name="{name}"'
        f' type="{kind}" value="{escape(value)}" autocomplete="{complete}" required>'
        "</p>"
    )


def _alert(error: str) -> str:
    return f'<p role="alert">{escape(error)}</p>' if error else ""


def signup(frame: Frame, error: str = "", *, name: str = "", username: str = "") -> str:
    """The form that makes a user, with what was wrong with the last try."""
    fields = (
        _field("name", "Your name", name, "text", "name")
        + _field("username", "Username", username, "text", "username")
        + _field("password", "Password", "", "password", "new-password")
    )
    content = fields + "<button>Sign up</button>"
    return frame.page("Sign up", _alert(error) + frame.form("/signup", content))


def signin(frame: Frame, error: str = "", *, username: str = "") -> str:
    """The form that lets a user in, with what was wrong with the last try."""
    fields = _field("username", "Username", username, "text", "username") + _field(
        "password", "Password", "", "password", "current-password"
    )
    content = fields + "<button>Sign in</button>"
    return frame.page("Sign in", _alert(error) + frame.form("/signin", content))


def cart(frame: Frame, content: Mapping[str, int]) -> str:
    """What is in the cart, and the way to the checkout."""
    order = Order(content)
    if not order.lines:
        return frame.page("Your cart", "<p>There is nothing in it yet.</p>")
    rows = "".join(
        f'<tr><th scope="row">{escape(each.name)}</th><td>{count}</td>'
        f"<td>{price(each.cents * count)}</td></tr>"
        for each, count in order.lines
    )
    return frame.page(
        "Your cart",
        '<table><thead><tr><th scope="col">Product</th><th scope="col">Pieces</th>'
        f'<th scope="col">Price</th></tr></thead><tbody>{rows}</tbody></table>'
        f"<p>Together: <strong>{order.value:.2f} {CURRENCY}</strong></p>"
        + frame.button("/checkout", "Check out"),
    )


def thanks(frame: Frame) -> str:
    """The page after an order."""
    return frame.page("Thank you", "<p>Your order is on its way.</p>")


def account(frame: Frame, username: str) -> str:
    """The page of the user who is signed in."""
    return frame.page(
        "Your account",
        f"<p>You are signed in as <strong>{escape(username)}</strong>.</p>"
        f"<p>You may like:</p>{_cards(frame)}",
    )


def not_found(frame: Frame) -> str:
    """The page of an address that is none."""
    return frame.page("There is no such page", '<p><a href="/">To the shop</a></p>')
