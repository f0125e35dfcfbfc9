"""Segment's semantic events are those of the spec, with its names and types."""

from __future__ import annotations

import msgspec
import pytest

from segment_integrations import Event, spec
from segment_integrations.plan import exported

PRODUCT = (
    "product_id sku category name brand variant price quantity coupon position url"
    " image_url"
)
ORDER = "affiliation total revenue shipping tax discount coupon currency products"
COUPON = "order_id cart_id coupon_id"
WISHLIST = f"wishlist_id wishlist_name {PRODUCT}"
SHARE = "share_via share_message recipient"
STEP = "checkout_id step shipping_method payment_method"
TRIAL = "trial_start_date trial_end_date trial_plan_name"
EMAIL = "email_id email_subject campaign_id campaign_name"
CHAT = (
    "agent_id agent_name agent_username conversation_id conversation_duration"
    " message_id"
)
# The docs write "content_asset_id(s)" and "content_pod_id(s)": both are there.
PLAYBACK = (
    "session_id! content_asset_id content_asset_ids content_pod_id content_pod_ids"
    " ad_asset_id ad_pod_id ad_type position total_length bitrate framerate"
    " video_player sound full_screen ad_enabled quality livestream method"
)
CONTENT = (
    "session_id asset_id pod_id title description keywords season episode genre"
    " program publisher position total_length channel full_episode livestream airdate"
    " bitrate framerate"
)
AD = (
    "session_id asset_id pod_id pod_position pod_length type title publisher position"
    " total_length load_type content quartile"
)

SPEC = {
    "Products Searched": "query!",
    "Product List Viewed": "list_id category products!",
    "Product List Filtered": "list_id category filters sorts products",
    "Promotion Viewed": "promotion_id creative name position",
    "Promotion Clicked": "promotion_id creative name position",
    "Product Clicked": PRODUCT,
    "Product Viewed": f"{PRODUCT} currency value",
    "Product Added": f"cart_id {PRODUCT}",
    "Product Removed": f"cart_id {PRODUCT}",
    "Cart Viewed": "cart_id products",
    "Checkout Started": "order_id affiliation value revenue shipping tax discount"
    " coupon currency products",
    "Checkout Step Viewed": STEP,
    "Checkout Step Completed": STEP,
    "Payment Info Entered": f"{STEP} order_id",
    "Order Updated": f"order_id {ORDER}",
    "Order Completed": f"checkout_id order_id! subtotal {ORDER}",
    "Order Refunded": "order_id! total currency products",
    "Order Cancelled": f"order_id {ORDER}",
    "Coupon Entered": COUPON,
    "Coupon Applied": f"{COUPON} coupon_name discount",
    "Coupon Denied": f"{COUPON} coupon_name reason",
    "Coupon Removed": f"{COUPON} coupon_name discount",
    "Product Added to Wishlist": WISHLIST,
    "Product Removed from Wishlist": WISHLIST,
    "Wishlist Product Added to Cart": f"cart_id {WISHLIST}",
    "Product Shared": f"{SHARE} product_id sku category name brand variant price url"
    " image_url",
    "Cart Shared": f"{SHARE} cart_id products",
    "Product Reviewed": "product_id review_id review_body rating",
    "Account Created": "account_name",
    "Account Deleted": "account_name",
    "Signed Up": "type first_name last_name email phone username title",
    "Signed In": "username",
    "Signed Out": "username",
    "Invite Sent": "invitee_email invitee_first_name invitee_last_name invitee_role",
    "Account Added User": "role",
    "Account Removed User": "",
    "Trial Started": TRIAL,
    "Trial Ended": TRIAL,
    "Application Installed": "version build",
    "Application Opened": "from_background url referring_application version build",
    "Application Backgrounded": "",
    "Application Foregrounded": "",
    "Application Uninstalled": "",
    "Application Crashed": "",
    "Application Updated": "previous_version previous_build version build",
    "Install Attributed": "provider campaign",
    "Push Notification Received": "campaign",
    "Push Notification Tapped": "action campaign",
    "Push Notification Bounced": "action campaign",
    "Deep Link Opened": "provider url",
    "Deep Link Clicked": "provider url",
    **{
        f"Video Playback {what}": PLAYBACK
        for what in [
            "Started",
            "Paused",
            "Interrupted",
            "Buffer Started",
            "Buffer Completed",
            "Seek Started",
            "Seek Completed",
            "Resumed",
            "Completed",
            "Exited",
        ]
    },
    **{
        f"Video Content {what}": CONTENT for what in ("Started", "Playing", "Completed")
    },
    **{f"Video Ad {what}": AD for what in ("Started", "Playing", "Completed")},
    "Video Quality Updated": "bitrate framerate startupTime droppedFrames",
    "Email Delivered": EMAIL,
    "Email Bounced": EMAIL,
    "Email Opened": EMAIL,
    "Email Marked as Spam": EMAIL,
    "Email Link Clicked": f"{EMAIL} link_id link_url",
    "Unsubscribed": f"{EMAIL} list_id list_name",
    "Live Chat Conversation Started": CHAT,
    "Live Chat Conversation Ended": CHAT,
    "Live Chat Message Sent": CHAT,
    "Live Chat Message Received": CHAT,
    "Experiment Viewed": "experiment_id experiment_name variation_id variation_name",
    "Segment Consent Preference Updated": "",
}
"""Segment's tables of semantic events; a "!" marks what is required."""

_NUMBERS = (
    "price quantity step value revenue total subtotal shipping tax discount bitrate"
    " framerate startupTime conversation_duration sound"
)
VALUES = {
    **dict.fromkeys(_NUMBERS.split(), 9.5),
    **dict.fromkeys(["position", "total_length", "pod_position", "pod_length"], 3),
    **dict.fromkeys(["full_screen", "ad_enabled", "livestream", "full_episode"], True),
    "products": [{"product_id": "507f", "price": 19, "quantity": 1}],
    "filters": [{"type": "price", "value": "under"}],
    "sorts": [{"type": "price", "value": "desc"}],
    "campaign": {"name": "summer", "source": "push"},
    "trial_start_date": "2026-01-02T12:00:00Z",
    "trial_end_date": "2026-02-02T12:00:00Z",
    "airdate": "2026-01-02",
    "content": {"title": "Pilot", "livestream": False},
    "keywords": ["drama"],
    "content_asset_ids": ["a"],
    "content_pod_ids": ["a", "b"],
    "ad_type": ["pre-roll", "mid-roll"],
    "load_type": "linear",
    "quartile": 2,
    "droppedFrames": 3,
    "from_background": True,
}
"""An example of each property that is no text."""

SPECIAL = {
    "Signed Up": {"type": "organic"},
    **{name: {"type": "pre-roll"} for name in SPEC if name.startswith("Video Ad")},
}

EVENTS = {
    one.__segment__.name: one
    for one in vars(spec).values()
    if isinstance(one, type) and issubclass(one, Event)
}


@pytest.fixture(scope="module")
def plan():
    """The plan of all semantic events."""
    return exported(EVENTS.values())


def example(name):
    names = [one.rstrip("!") for one in SPEC[name].split()]
    return {one: VALUES.get(one, "a text") for one in names} | SPECIAL.get(name, {})


def test_the_events_are_those_of_the_spec():
    """There is one class for each semantic event, and no other."""
    assert EVENTS.keys() == SPEC.keys()
    assert len(EVENTS) == sum(
        isinstance(one, type(Event)) for one in vars(spec).values()
    )


def test_the_properties_are_those_of_the_spec(plan):
    """Each event has the spec's properties, and requires those that the spec does."""
    found = {
        rule.key: {
            f"{name}!" if name in rule.facts.get("required", ()) else name
            for name in rule.planned
        }
        for rule in plan.rules
    }
    assert found == {name: set(names.split()) for name, names in SPEC.items()}


def test_each_event_says_what_it_is(plan):
    """Each class has a sentence about its event, which its rule has too."""
    for rule in plan.rules:
        assert rule.description.endswith("."), rule.key


def test_examples_are_as_planned(plan):
    """The example of each event makes an instance, and its message breaks nothing."""
    for name, kind in EVENTS.items():
        event = msgspec.convert(example(name), kind)
        message = {
            "type": "track",
            "event": name,
            "context": {"consent": {}},
            "properties": msgspec.to_builtins(event),
        }
        assert plan.check(message) == [], name
        assert message["properties"].keys() == example(name).keys()


@pytest.mark.parametrize(
    ("name", "wrong", "field"),
    [
        ("Order Completed", {"revenue": 3}, "properties"),
        ("Order Completed", {"order_id": 7}, "properties.order_id"),
        ("Products Searched", {"query": 3}, "properties.query"),
        (
            "Product List Viewed",
            {"products": [{"price": "9"}]},
            "properties.products.0.price",
        ),
        (
            "Video Playback Started",
            {"session_id": "s", "sound": 101},
            "properties.sound",
        ),
        ("Video Ad Started", {"quartile": 5}, "properties.quartile"),
    ],
)
def test_what_breaks_the_spec_is_found(plan, name, wrong, field):
    """A plan of the classes tells of missing properties and wrong types."""
    message = {"type": "track", "event": name, "context": {}, "properties": wrong}
    violations = plan.check(message)
    assert violations
    assert all(one.field.startswith(field) for one in violations)


def test_consent_is_planned_in_the_context(plan):
    """The event of a changed consent is planned to carry it."""
    message = {
        "type": "track",
        "event": "Segment Consent Preference Updated",
        "context": {},
        "properties": {},
    }
    assert [one.field.partition(".")[0] for one in plan.check(message)] == ["context"]
