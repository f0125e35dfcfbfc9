"""
Segment's ecommerce events, version 2: the checkout and orders.

`revenue` leaves out shipping and tax; `total` has them in.

Source: Segment, Spec, "V2 Ecommerce Events".
"""

from __future__ import annotations

from msgspec import UnsetType

from segment_integrations.core.event import Event
from segment_integrations.spec.ecommerce_objects import Product
from segment_integrations.spec.kinds import UNSET, Number, Text

__all__ = [
    "CheckoutStarted",
    "CheckoutStepCompleted",
    "CheckoutStepViewed",
    "OrderCancelled",
    "OrderCompleted",
    "OrderRefunded",
    "OrderUpdated",
    "PaymentInfoEntered",
]


class CheckoutStarted(Event, name="Checkout Started"):
    """A customer began to check out."""

    order_id: Text = UNSET
    affiliation: Text = UNSET
    value: Number = UNSET
    revenue: Number = UNSET
    shipping: Number = UNSET
    tax: Number = UNSET
    discount: Number = UNSET
    coupon: Text = UNSET
    currency: Text = UNSET
    products: list[Product] | UnsetType = UNSET


class _Step(Event):
    checkout_id: Text = UNSET
    step: Number = UNSET
    shipping_method: Text = UNSET
    payment_method: Text = UNSET


class CheckoutStepViewed(_Step, name="Checkout Step Viewed"):
    """A customer saw one step of the checkout."""


class CheckoutStepCompleted(_Step, name="Checkout Step Completed"):
    """A customer finished one step of the checkout."""


class PaymentInfoEntered(_Step, name="Payment Info Entered"):
    """A customer said how to pay."""

    order_id: Text = UNSET


class _Order(Event):
    affiliation: Text = UNSET
    total: Number = UNSET
    revenue: Number = UNSET
    shipping: Number = UNSET
    tax: Number = UNSET
    discount: Number = UNSET
    coupon: Text = UNSET
    currency: Text = UNSET
    products: list[Product] | UnsetType = UNSET


class OrderUpdated(_Order, name="Order Updated"):
    """A customer changed an order."""

    order_id: Text = UNSET


class OrderCompleted(_Order, name="Order Completed"):
    """A customer completed an order."""

    checkout_id: Text = UNSET
    order_id: str
    subtotal: Number = UNSET


class OrderRefunded(Event, name="Order Refunded"):
    """An order was refunded, in part or as a whole: then give all of its products."""

    order_id: str
    total: Number = UNSET
    currency: Text = UNSET
    products: list[Product] | UnsetType = UNSET


class OrderCancelled(_Order, name="Order Cancelled"):
    """A customer cancelled an order."""

    order_id: Text = UNSET
