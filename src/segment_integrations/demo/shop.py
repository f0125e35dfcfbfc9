"""What the three shops sell, and what an order of it looks like in analytics."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CURRENCY: Final = "EUR"
STATIC: Final = Path(__file__).with_name("static")
FAVICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
    '<circle cx="8" cy="8" r="7" fill="#1f6f54"/>'
    '<path d="M5 7h6v4a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2z" fill="#fff"/></svg>'
)
FAVICON_TYPE: Final = "image/svg+xml"

Cart = dict[str, int]
"""How many of which product, by slug: what the session keeps."""


@dataclass(frozen=True, slots=True)
class Product:
    """One thing to buy; *cents* is its price, in hundredths of `CURRENCY`."""

    slug: str
    name: str
    cents: int
    stock: int
    about: str

    def properties(self, quantity: int = 1) -> dict[str, Any]:
        """Segment's product object, as its ecommerce events have it."""
        return {
            "product_id": self.slug,
            "sku": self.slug,
            "name": self.name,
            "price": self.cents / 100,
            "quantity": quantity,
        }


PRODUCTS: Final = {
    product.slug: product
    for product in (
        Product("teapot", "Teapot", 3450, 12, "Holds a litre, pours without a drip."),
        Product("blue-mug", "Blue mug", 1290, 40, "Stoneware; keeps its heat."),
        Product("linen-towel", "Linen towel", 1850, 7, "Dries cups and flies flags."),
        Product("honey-jar", "Honey jar", 990, 25, "Lime blossom, from the hill."),
    )
}


@dataclass(frozen=True, slots=True)
class Order:
    """What a cart becomes at the checkout. Each order gets an id of its own."""

    cart: Mapping[str, int]
    order_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    @property
    def lines(self) -> list[tuple[Product, int]]:
        """The products with their quantities, in the order they were added."""
        return [
            (PRODUCTS[slug], count)
            for slug, count in self.cart.items()
            if slug in PRODUCTS
        ]

    @property
    def products(self) -> list[dict[str, Any]]:
        """The lines as Segment's product objects."""
        return [product.properties(count) for product, count in self.lines]

    @property
    def value(self) -> float:
        """The sum, in units of `currency`."""
        return sum(product.cents * count for product, count in self.lines) / 100

    @property
    def currency(self) -> str:
        """The currency of `value`."""
        return CURRENCY

    def started(self) -> dict[str, Any]:
        """The properties of *Checkout Started*."""
        return {
            "order_id": self.order_id,
            "value": self.value,
            "currency": self.currency,
            "products": self.products,
        }

    def completed(self) -> dict[str, Any]:
        """The properties of *Order Completed*: nothing is added for shipping."""
        return {
            "order_id": self.order_id,
            "revenue": self.value,
            "total": self.value,
            "currency": self.currency,
            "products": self.products,
        }


def added(cart: Mapping[str, int], slug: str) -> Cart:
    """*cart* with one more of *slug*: a new dict, as sessions notice those."""
    return {**cart, slug: cart.get(slug, 0) + 1}


def stock(product: Product) -> dict[str, Any]:
    """What the stock endpoint answers."""
    return {"slug": product.slug, "stock": product.stock}
