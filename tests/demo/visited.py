"""What one visit to the shop must leave in the collector, message by message."""

from __future__ import annotations

from collections import Counter

EXPECTED = [
    ("page", "/"),
    ("page", "/products/{slug}"),
    ("page", "/"),
    ("page", "/signup"),
    ("identify", None),
    ("track", "Signed Up"),
    ("page", "/account"),
    ("track", "Product Added"),
    ("page", "/cart"),
    ("track", "Checkout Started"),
    ("track", "Order Completed"),
    ("page", "/thanks"),
    ("track", "Signed Out"),
    ("page", "/"),
    ("page", "/products/{slug}"),
]
BEFORE = EXPECTED[:4]
SIGNED_IN = EXPECTED[4:13]
AFTER = EXPECTED[13:]


def label(message):
    return message["type"], message.get("event") or message.get("name")


def assert_complete(messages):
    """Every message of one visit is there, in order, with all that it should have."""
    for message in messages:
        assert_context(message)
    assert [label(message) for message in messages] == EXPECTED
    ids = [message["messageId"] for message in messages]
    assert len(set(ids)) == len(ids)
    assert_identities(messages)
    assert messages[0]["context"]["campaign"] == {
        "source": "newsletter",
        "medium": "email",
        "name": "autumn",
    }
    assert_properties({label(message)[1]: message for message in messages})


def assert_identities(messages):
    """One user from sign-up to sign-out, and a new anonymous id after it."""
    before = messages[0]["anonymousId"]
    after = messages[-1]["anonymousId"]
    assert before != after
    known = messages[: -len(AFTER)]
    for message in messages:
        expected = before if message in known else after
        assert message["anonymousId"] == expected, label(message)
    signed_in = [message for message in messages if message.get("userId") is not None]
    assert signed_in == messages[len(BEFORE) : -len(AFTER)]
    (user,) = {message["userId"] for message in signed_in}
    assert user.isdecimal()


def assert_context(message):
    context = message["context"]
    assert context["ip"] == "127.0.0.1"
    assert context["userAgent"].startswith("Mozilla/5.0")
    assert context["locale"] == "en-GB"
    assert context["page"]["path"].startswith("/")
    assert context["page"]["url"].startswith("http://127.0.0.1:")
    assert context["library"]["name"] == "segment-integrations"
    assert "password" not in str(message)


def assert_properties(by_name):
    product = {
        "product_id": "teapot",
        "sku": "teapot",
        "name": "Teapot",
        "price": 34.5,
        "quantity": 1,
    }
    assert by_name[None]["traits"]["name"] == "Ada Example"
    assert "createdAt" in by_name[None]["traits"]
    assert by_name["Signed Up"]["properties"]["type"] == "organic"
    assert by_name["Product Added"]["properties"] == product
    started = by_name["Checkout Started"]["properties"]
    assert started == {
        "order_id": started["order_id"],
        "value": 34.5,
        "currency": "EUR",
        "products": [product],
    }
    completed = by_name["Order Completed"]["properties"]
    assert completed["order_id"] == started["order_id"]
    assert completed["revenue"] == 34.5
    assert by_name["/products/{slug}"]["properties"]["route"] == "/products/{slug}"


def assert_visits(messages, count):
    """*count* whole visits are there, whichever process each message came from."""
    assert Counter(label(message) for message in messages) == Counter(
        EXPECTED * count
    ), [label(message) for message in messages]
    user_of = {
        message["anonymousId"]: message["userId"]
        for message in messages
        if message["type"] == "identify"
    }
    assert len(user_of) == len(set(user_of.values())) == count
    visitors = {}
    for message in messages:
        visitors.setdefault(message["anonymousId"], []).append(message)
    for anonymous_id, theirs in visitors.items():
        labels = Counter(map(label, theirs))
        if anonymous_id not in user_of:
            assert labels == Counter(AFTER)
            assert not any(message.get("userId") for message in theirs)
            continue
        assert labels == Counter(BEFORE + SIGNED_IN)
        signed_in = [message for message in theirs if message.get("userId")]
        assert Counter(map(label, signed_in)) == Counter(SIGNED_IN)
        assert {each["userId"] for each in signed_in} == {user_of[anonymous_id]}
