"""The objects inside of ecommerce events."""

from __future__ import annotations

from msgspec import Struct

from segment_integrations.spec.kinds import UNSET, Number, Text

__all__ = ["Filter", "Product", "Shared", "Sort"]


class Product(Struct, kw_only=True):
    """One product in a list, a cart or an order."""

    product_id: Text = UNSET
    sku: Text = UNSET
    category: Text = UNSET
    name: Text = UNSET
    brand: Text = UNSET
    variant: Text = UNSET
    price: Number = UNSET
    quantity: Number = UNSET
    coupon: Text = UNSET
    position: Number = UNSET
    url: Text = UNSET
    image_url: Text = UNSET


class Shared(Struct, kw_only=True):
    """One product in a cart that was shared."""

    product_id: Text = UNSET


class Filter(Struct, kw_only=True):
    """One filter of a list: ``type="price", value="under-$25"``."""

    type: Text = UNSET
    value: Text = UNSET


class Sort(Struct, kw_only=True):
    """One order of a list: ``type="price", value="desc"``."""

    type: Text = UNSET
    value: Text = UNSET
