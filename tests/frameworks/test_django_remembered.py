"""What is remembered of one Django request for the next, and when it is not."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from segment_integrations.django.middleware import SegmentMiddleware
from segment_integrations.testing import BROWSER_HEADERS


@pytest.fixture(autouse=True)
def _no_common_middleware(settings):
    """Take out what asks for the host itself, and refuses a wrong one."""
    settings.MIDDLEWARE = [
        one for one in settings.MIDDLEWARE if "CommonMiddleware" not in one
    ]


def _urls(segment_events):
    return [page["properties"]["url"] for page in segment_events.pages]


def test_a_host_is_accepted_no_longer(wsgi, settings, segment_events):
    """A host that was accepted is looked at anew when `ALLOWED_HOSTS` changes."""
    for allowed in (["a.example"], ["b.example"], ["a.example"]):
        settings.ALLOWED_HOSTS = allowed
        for _ in range(2):
            wsgi.get("/public", headers={"Host": "a.example"})
    full = "http://a.example/public"
    assert [full, full, "/public", "/public", full, full] == _urls(segment_events)


def test_a_forwarded_host_wins(wsgi, settings, segment_events):
    """A known `Host` is not taken where Django goes by the proxy's header."""
    settings.ALLOWED_HOSTS = ["*"]
    settings.USE_X_FORWARDED_HOST = True
    host = {"Host": "inner.example"}
    wsgi.get("/public", headers=host)
    wsgi.get("/public", headers={**host, "X-Forwarded-Host": "shop.example"})
    assert ["http://inner.example/public", "http://shop.example/public"] == _urls(
        segment_events
    )


def test_the_applications_own_host_wins(settings, segment_events):
    """A known `Host` is not taken where the application says another one."""
    settings.ALLOWED_HOSTS = ["*"]
    serve = SegmentMiddleware(lambda _: HttpResponse("ok"))
    visitor = {**BROWSER_HEADERS, "Cookie": "ajs_anonymous_id=" + "a" * 32}
    for own in (None, "tenant.example"):
        request = RequestFactory().get(
            "/plain", headers={**visitor, "Host": "shop.example"}
        )
        if own is not None:
            request.get_host = lambda: "tenant.example"
        serve(request)
    assert ["http://shop.example/plain", "http://tenant.example/plain"] == _urls(
        segment_events
    )


def test_one_view_at_several_addresses(browser, segment_events):
    """A view has the route and the name of the address that was asked for."""
    for _ in range(2):
        for path in ("/plain", "/reset/a/b/", "/"):
            browser.get(path)
    facts = [("/plain", "plain"), ("/reset/{uidb64}/{token}/", "reset")]
    facts.append(("/", "django_urls.plain"))
    assert facts * 2 == [
        (page["properties"]["route"], page["properties"]["view"])
        for page in segment_events.pages
    ]
