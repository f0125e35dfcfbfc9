"""
Segment's ecommerce events, version 2: browsing, carts, coupons, wishlists, sharing.

Money is a decimal number in the major unit of the currency, which is a code of
ISO 4217. Orders and their payment are in `ecommerce_orders`.

Source: Segment, Spec, "V2 Ecommerce Events".
"""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType

from segment_integrations.core.event import Event
from segment_integrations.spec.ecommerce_objects import Filter, Product, Shared, Sort
from segment_integrations.spec.kinds import UNSET, Number, Text

__all__ = [
    "CartShared",
    "CartViewed",
    "CouponApplied",
    "CouponDenied",
    "CouponEntered",
    "CouponRemoved",
    "ProductAdded",
    "ProductAddedToWishlist",
    "ProductClicked",
    "ProductListFiltered",
    "ProductListViewed",
    "ProductRemoved",
    "ProductRemovedFromWishlist",
    "ProductReviewed",
    "ProductShared",
    "ProductViewed",
    "ProductsSearched",
    "PromotionClicked",
    "PromotionViewed",
    "WishlistProductAddedToCart",
]


class ProductsSearched(Event, name="Products Searched"):
    """A visitor searched for products."""

    query: str | dict[str, Any]


class ProductListViewed(Event, name="Product List Viewed"):
    """A visitor saw a list or category of products."""

    list_id: Text = UNSET
    category: Text = UNSET
    products: list[Product]


class ProductListFiltered(Event, name="Product List Filtered"):
    """A visitor filtered or sorted a list of products."""

    list_id: Text = UNSET
    category: Text = UNSET
    filters: list[Filter] | UnsetType = UNSET
    sorts: list[Sort] | UnsetType = UNSET
    products: list[Product] | UnsetType = UNSET


class _Promotion(Event):
    promotion_id: Text = UNSET
    creative: Text = UNSET
    name: Text = UNSET
    position: Text | float = UNSET


class PromotionViewed(_Promotion, name="Promotion Viewed"):
    """A visitor saw an internal promotion."""


class PromotionClicked(_Promotion, name="Promotion Clicked"):
    """A visitor clicked an internal promotion."""


class _Product(Event):
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


class ProductClicked(_Product, name="Product Clicked"):
    """A visitor clicked a product in a list."""


class ProductViewed(_Product, name="Product Viewed"):
    """A visitor saw a product's own page."""

    currency: Text = UNSET
    value: Number = UNSET


class ProductAdded(_Product, name="Product Added"):
    """A visitor put a product into the cart."""

    cart_id: Text = UNSET


class ProductRemoved(_Product, name="Product Removed"):
    """A visitor took a product out of the cart."""

    cart_id: Text = UNSET


class CartViewed(Event, name="Cart Viewed"):
    """A visitor looked at the cart."""

    cart_id: Text = UNSET
    products: list[Product] | UnsetType = UNSET


class _Coupon(Event):
    order_id: Text = UNSET
    cart_id: Text = UNSET
    coupon_id: Text = UNSET


class CouponEntered(_Coupon, name="Coupon Entered"):
    """A visitor typed a coupon in."""


class CouponApplied(_Coupon, name="Coupon Applied"):
    """A coupon was taken off the cart or order."""

    coupon_name: Text = UNSET
    discount: Number = UNSET


class CouponDenied(_Coupon, name="Coupon Denied"):
    """A coupon was not accepted."""

    coupon_name: Text = UNSET
    reason: Text = UNSET


class CouponRemoved(_Coupon, name="Coupon Removed"):
    """A coupon was taken away from the cart or order again."""

    coupon_name: Text = UNSET
    discount: Number = UNSET


class _WishlistProduct(_Product):
    wishlist_id: Text = UNSET
    wishlist_name: Text = UNSET


class ProductAddedToWishlist(_WishlistProduct, name="Product Added to Wishlist"):
    """A visitor put a product on a wishlist."""


class ProductRemovedFromWishlist(
    _WishlistProduct, name="Product Removed from Wishlist"
):
    """A visitor took a product off a wishlist."""


class WishlistProductAddedToCart(
    _WishlistProduct, name="Wishlist Product Added to Cart"
):
    """A visitor put a product of a wishlist into the cart."""

    cart_id: Text = UNSET


class _Shared(Event):
    share_via: Text = UNSET
    share_message: Text = UNSET
    recipient: Text = UNSET


class ProductShared(_Shared, name="Product Shared"):
    """A visitor told somebody of a product."""

    product_id: Text = UNSET
    sku: Text = UNSET
    category: Text = UNSET
    name: Text = UNSET
    brand: Text = UNSET
    variant: Text = UNSET
    price: Number = UNSET
    url: Text = UNSET
    image_url: Text = UNSET


class CartShared(_Shared, name="Cart Shared"):
    """A visitor told somebody of a whole cart."""

    cart_id: Text = UNSET
    products: list[Shared] | UnsetType = UNSET


class ProductReviewed(Event, name="Product Reviewed"):
    """A visitor wrote a review of a product."""

    product_id: Text = UNSET
    review_id: Text = UNSET
    review_body: Text = UNSET
    rating: Text = UNSET
