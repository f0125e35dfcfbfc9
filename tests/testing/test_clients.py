"""PR-3: the fixture sees what each framework's own test client causes."""

import flask
import httpx
import pytest
from plan_running import OURS
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_integrations import Analytics, set_user, track
from segment_integrations.flask import Segment
from segment_integrations.starlette import SegmentMiddleware
from segment_integrations.testing import BROWSER_HEADERS


async def product(request):
    set_user("user-1")
    track("Product Viewed", {"slug": request.path_params["slug"]})
    return HTMLResponse("<h1>Shoe</h1>", background=BackgroundTask(after))


def after():
    """Runs in a thread, when the response is out."""
    track("Mail Sent")


@pytest.fixture(name="app")
def _app():
    app = Starlette(routes=[Route("/products/{slug}", product)])
    with Analytics("key") as analytics:
        app.add_middleware(SegmentMiddleware, analytics=analytics)
        yield app


def check(events):
    assert [message["type"] for message in events] == ["track", "page", "track"]
    events.assert_tracked(
        "Product Viewed", user_id="user-1", properties={"slug": "shoe"}, count=1
    )
    events.assert_page("/products/{slug}", path="/products/shoe", user_id="user-1")
    events.assert_tracked("Mail Sent", user_id="user-1", count=1)


@pytest.mark.parametrize("number", range(2))
def test_pr_3_starlette_without_its_lifespan(app, segment_events, number):
    """A `TestClient` as most tests use it; the second test sees its own events only."""
    TestClient(app).get("/products/shoe", headers=BROWSER_HEADERS)

    check(segment_events)


@pytest.mark.parametrize("number", range(2))
def test_pr_3_starlette_with_its_lifespan(app, segment_events, number):
    """In a ``with`` block, whose end drains the application's events."""
    with TestClient(app) as client:
        client.get("/products/shoe", headers=BROWSER_HEADERS)

    check(segment_events)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_pr_3_httpx(app, segment_events):
    """An async client, in an async test."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://web") as client:
        await client.get("/products/shoe", headers=BROWSER_HEADERS)

    check(segment_events)


def test_pr_3_flask(segment_events):
    """Flask's test client."""
    app = flask.Flask("shop")
    with Analytics("key") as analytics:
        Segment(app, analytics=analytics)

        @app.get("/products/<slug>")
        def show(slug):
            set_user("user-1")
            track("Product Viewed", {"slug": slug})
            return "<h1>Shoe</h1>"

        app.test_client().get("/products/shoe", headers=BROWSER_HEADERS)

    segment_events.assert_tracked(
        "Product Viewed", user_id="user-1", properties={"slug": "shoe"}, count=1
    )
    segment_events.assert_page("/products/{slug}", path="/products/shoe", count=1)


def test_pr_3_django(project, run, endpoint):
    """Django's `Client`, also where a `TestCase` rolls its transaction back."""
    project.makepyfile(
        conftest="""
        import django
        from django.conf import settings

        settings.configure(
            ALLOWED_HOSTS=["*"],
            DATABASES={
                "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
            },
            INSTALLED_APPS=["segment_integrations.django"],
            MIDDLEWARE=["segment_integrations.django.middleware.SegmentMiddleware"],
            ROOT_URLCONF="test_shop",
            SECRET_KEY="x",
        )
        django.setup()
        """,
        test_shop="""
        import pytest
        from django.db import transaction
        from django.http import HttpResponse
        from django.test import Client, TestCase
        from django.urls import path
        from segment_integrations import set_user, track
        from segment_integrations.testing import BROWSER_HEADERS, capture

        def show(request, slug):
            set_user("user-1")
            with transaction.atomic():
                track("Product Viewed", {"slug": slug})
            return HttpResponse("<h1>Shoe</h1>")

        urlpatterns = [path("products/<slug:slug>/", show)]

        def check(client, events):
            client.get("/products/shoe/", headers=BROWSER_HEADERS)
            events.assert_tracked("Product Viewed", count=1, user_id="user-1")
            events.assert_page("/products/{slug}/", path="/products/shoe/", count=1)

        @pytest.mark.django_db(transaction=True)
        def test_committed(segment_events):
            check(Client(), segment_events)

        @pytest.mark.django_db
        def test_rolled_back(segment_events, client):
            check(client, segment_events)

        class TestShop(TestCase):
            def test_it(self):
                with capture() as events:
                    check(self.client, events)
        """,
    )

    run(plugins=[OURS, "pytest_django.plugin"], apart=True).assert_outcomes(passed=3)
    assert endpoint.events == []


def test_a_page_that_was_not_counted(app, segment_events):
    """The failure tells which headers are missing."""
    TestClient(app).get("/products/shoe")

    with pytest.raises(AssertionError) as caught:
        segment_events.assert_page("/products/{slug}")

    assert str(caught.value).splitlines() == [
        'No page "/products/{slug}"',
        'arrived: track "Product Viewed" (user-1), track "Mail Sent" (user-1)',
        (
            "page calls suppressed: not_accepted 1 (a test client sends no browser"
            " headers: use segment_integrations.testing.BROWSER_HEADERS)"
        ),
    ]
