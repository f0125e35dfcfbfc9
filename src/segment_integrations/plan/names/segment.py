"""Names that are Segment's own, and so right as they are."""

from __future__ import annotations

from typing import Final

VIOLATION: Final = "Violation Generated"
"""What Segment sends itself when it forwards a violation."""

CONSENT: Final = "Segment Consent Preference Updated"
"""What Segment adds itself to each plan of a workspace with consent management."""

_PLAYBACK: Final = (
    *["Started", "Paused", "Interrupted", "Resumed", "Completed", "Exited"],
    *["Buffer Started", "Buffer Completed", "Seek Started", "Seek Completed"],
)

SEMANTIC: Final = frozenset(
    {
        VIOLATION,
        CONSENT,
        *["Products Searched", "Product List Viewed", "Product List Filtered"],
        *["Promotion Viewed", "Promotion Clicked", "Product Clicked", "Product Viewed"],
        *["Product Added", "Product Removed", "Cart Viewed", "Checkout Started"],
        *["Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered"],
        *["Order Updated", "Order Completed", "Order Refunded", "Order Cancelled"],
        *["Coupon Entered", "Coupon Applied", "Coupon Denied", "Coupon Removed"],
        *["Product Added to Wishlist", "Product Removed from Wishlist"],
        *["Wishlist Product Added to Cart", "Product Shared", "Cart Shared"],
        *["Product Reviewed", "Account Created", "Account Deleted", "Signed Up"],
        *["Signed In", "Signed Out", "Invite Sent", "Account Added User"],
        *["Account Removed User", "Trial Started", "Trial Ended"],
        *["Application Installed", "Application Opened", "Application Backgrounded"],
        *["Application Foregrounded", "Application Uninstalled"],
        *["Application Crashed", "Application Updated", "Install Attributed"],
        *["Push Notification Received", "Push Notification Tapped"],
        *["Push Notification Bounced", "Deep Link Opened", "Deep Link Clicked"],
        *[f"Video Playback {done}" for done in _PLAYBACK],
        *["Video Content Started", "Video Content Playing", "Video Content Completed"],
        *["Video Ad Started", "Video Ad Playing", "Video Ad Completed"],
        *["Video Quality Updated", "Email Delivered", "Email Bounced", "Email Opened"],
        *["Email Marked as Spam", "Email Link Clicked", "Unsubscribed"],
        *["Live Chat Conversation Started", "Live Chat Conversation Ended"],
        *["Live Chat Message Sent", "Live Chat Message Received", "Experiment Viewed"],
        *["Page Viewed", "Screen Viewed"],
    }
)
"""Source: Segment, Semantic Events; Protocols, "Validate page and screen calls"."""

PLACES: Final = frozenset(
    {("Promotion Viewed", "position"), ("Promotion Clicked", "position")}
)
"""
Events with a property that is a text there and a number in Segment's other events.

Source: Segment, "V2 Ecommerce Events": a banner's place has a name.
"""

TRAITS: Final = frozenset(
    {
        *["address", "age", "avatar", "birthday", "company", "createdAt"],
        *["description", "email", "employees", "firstName", "gender", "id"],
        *["industry", "lastName", "name", "phone", "plan", "postalCode", "title"],
        *["username", "website"],
    }
)
"""Reserved traits of identify and group. Source: Segment, Spec: Identify and Group."""
