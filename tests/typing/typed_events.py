"""Typed events, as an application writes and sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, TypedDict, assert_type

from msgspec import UNSET, Meta, Struct, UnsetType, field

from segment_integrations import (
    Analytics,
    Event,
    Traits,
    View,
    group,
    identify,
    page,
    screen,
    track,
    tracks,
)
from segment_integrations.spec import OrderCompleted, Product


class Item(Struct, kw_only=True):
    """An object inside of an event."""

    sku: str
    price: float | UnsetType = UNSET


class CheckoutStarted(
    Event,
    name="Checkout Started",
    version=2,
    labels={"owner": "growth"},
    facts={"additionalProperties": False},
    message={"required": ["context"]},
):
    """A customer began to check out."""

    cart_value: float
    item_count: int = 1
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    items: list[Item] = field(default_factory=list)
    day: date | UnsetType = UNSET
    plan: Literal["free", "pro"] | None = None


class PlanUpgraded(
    Event, rename="camel", frozen=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Its name is that of the class."""

    from_plan: str
    odd: int = field(default=3, name="$odd")


class UserTraits(Traits, call="identify"):
    """Traits of users."""

    email: str


class CompanyTraits(Traits, call="group"):
    """Traits of accounts."""

    name: str


class ProductPage(View, call="page", name="Product"):
    """Properties of one page."""

    sku: str


class Row(TypedDict):
    """A typed mapping."""

    sku: str


@dataclass
class Line:
    """A model of another kind."""

    sku: str


class Model:
    """What pydantic's models have."""

    def model_dump(self, *, mode: str = "python") -> dict[str, Any]:
        """Give the fields."""
        return {"mode": mode}


started = CheckoutStarted(cart_value=10, currency="EUR", items=[Item(sku="a")])
upgraded = PlanUpgraded(from_plan="free")
assert_type(started.cart_value, float)
assert_type(started.day, date | UnsetType)
assert_type(started.plan, Literal["free", "pro"] | None)

assert_type(track(started, user_id="u", context={"ip": "203.0.113.7"}), str | None)
track(OrderCompleted(order_id="o", revenue=9.5, products=[Product(sku="a")]))
identify("u", UserTraits(email="e"))
identify(traits=UserTraits(email="e"))
group("g", CompanyTraits(name="Acme"))
page("Product", ProductPage(sku="a"))
page(properties=ProductPage(sku="a"))
screen("Start", {"a": 1})
row: Row = {"sku": "a"}
mapping: Mapping[str, object] = {"sku": "a"}
track("Seen", Line(sku="a"))
track("Seen", Item(sku="a"))
track("Seen", Model())
track("Seen", row)
track("Seen", mapping)
identify("u", Line(sku="a"))

CheckoutStarted(cart_value=10)  # type: ignore[call-arg]
CheckoutStarted(10)  # type: ignore[call-arg]
CheckoutStarted(cart_value="10", currency="EUR")  # type: ignore[arg-type]
CheckoutStarted(cart_value=1, currency="E", plan="gold")  # type: ignore[arg-type]
CheckoutStarted(cart_value=1, currency="EUR", colour="red")  # type: ignore[call-arg]
UserTraits()  # type: ignore[call-arg]
upgraded.from_plan = "pro"  # type: ignore[misc]
track(UserTraits(email="e"))  # type: ignore[arg-type]
track(CheckoutStarted)  # type: ignore[arg-type]
track("Seen", ["a"])  # type: ignore[arg-type]
track("Seen", 3)  # type: ignore[arg-type]


def methods(analytics: Analytics) -> None:
    """The methods take typed events too."""
    assert_type(analytics.track(started), str | None)
    assert_type(analytics.identify("u", UserTraits(email="e")), str | None)
    assert_type(analytics.page(properties=ProductPage(sku="a")), str | None)


@tracks(CheckoutStarted, from_args=["cart_value", "currency"])
def begin(cart_value: float, currency: str) -> int:
    """Be tracked by fields."""
    return round(cart_value) + len(currency)


@tracks(PlanUpgraded, properties=lambda result: PlanUpgraded(from_plan=result))
async def upgrade() -> str:
    """Be tracked by an instance."""
    return "free"


assert_type(begin(1, "EUR"), int)
tracks(UserTraits)  # type: ignore[arg-type]
tracks(started)  # type: ignore[arg-type]
