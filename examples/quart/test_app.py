"""How the app's analytics are tested: ``pytest``, without network or write key."""

import asyncio

from app import app

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/143.0",
    "Accept": "text/html",
    "Sec-Fetch-Dest": "document",
}


def test_a_visitor_sees_a_page(segment_events):
    asyncio.run(app.test_client().get("/products/teapot", headers=BROWSER))
    segment_events.assert_page("/products/{slug}", path="/products/teapot")


def test_a_user_signs_in_and_checks_out(segment_events):
    async def visit():
        client = app.test_client()
        await client.get("/products/teapot", headers=BROWSER)
        await client.post("/signin", form={"name": "Ada"})
        await client.post("/checkout")

    asyncio.run(visit())
    visitor = segment_events.pages[0]["anonymousId"]
    segment_events.assert_identified("user-1", anonymous_id=visitor)
    segment_events.assert_tracked("Checkout Started", user_id="user-1")


def test_nothing_is_a_users_after_they_left(segment_events):
    async def visit():
        client = app.test_client()
        await client.post("/signin", form={"name": "Ada"})
        await client.post("/signout")
        await client.get("/products/teapot", headers=BROWSER)

    asyncio.run(visit())
    segment_events.assert_page("/products/{slug}", user_id=None)
