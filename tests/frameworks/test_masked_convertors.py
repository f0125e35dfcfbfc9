"""Masks of path parameters that a convertor of the application's own reads."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.convertors import CONVERTOR_TYPES, Convertor
from starlette.responses import HTMLResponse
from starlette.routing import Host, Mount, Route
from starlette.testclient import TestClient

from segment_integrations import Analytics
from segment_integrations.starlette import SegmentMiddleware
from segment_integrations.testing import BROWSER_HEADERS


class Signed(Convertor):
    regex = "[^/]+"

    def convert(self, value):
        return {"user": value.partition("-")[0]}

    def to_string(self, value):
        return value["user"]


class Unknown(Route):
    """A route of a library, which shows no expression."""

    @property
    def path_regex(self):
        return self._regex if self.is_matching else None

    @path_regex.setter
    def path_regex(self, value):
        self._regex = value

    is_matching = False

    def matches(self, scope):
        self.is_matching = True
        try:
            return super().matches(scope)
        finally:
            self.is_matching = False


def view(_):
    return HTMLResponse("ok")


@pytest.fixture
def visit(segment_events, monkeypatch):
    """Visits a path with a referrer, and tells the page's path and referrer."""
    monkeypatch.setitem(CONVERTOR_TYPES, "signed", Signed())
    below = [
        Route("/s/{token:signed}", view),
        Route("/k/{key}", view),
        Route("/plain", view),
    ]
    app = Starlette(
        routes=[
            Route("/s/{token:signed}/x", view),
            Unknown("/u/{name}/{token:signed}", view),
            Mount("/m/{key:signed}", routes=below),
            Host("{token}.example", Starlette(routes=[Route("/h/{code}", view)])),
            Route("/", view),
        ]
    )
    app.add_middleware(SegmentMiddleware, analytics=Analytics("k"))

    def visited(path, referrer="", host="testserver"):
        segment_events.clear()
        headers = {
            **BROWSER_HEADERS,
            "Cookie": "ajs_anonymous_id=an-1",
            "Referer": referrer,
        }
        with TestClient(app, f"http://{host}") as client:
            assert client.get(path, headers=headers).status_code == 200
        (page,) = segment_events.pages
        return page["properties"]["path"], page["properties"]["referrer"]

    return visited


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/s/7-sig/x", "/s/***/x"),
        ("/m/8-sig/s/7-sig", "/m/***/s/***"),
        pytest.param("/m/8-sig/k/7-sig", "/m/***", id="one name stands for two"),
        ("/m/8-sig/plain", "/m/***/plain"),
        pytest.param("/u/Ann/7-sig", "/u/***", id="all that may be it"),
    ],
)
def test_pv_1_starlette_masks_what_stands_in_the_path(visit, path, expected):
    """PV-1: Whatever a convertor makes of a secret, it is sent in no form."""
    assert (expected, "") == visit(path)
    assert ("/", f"http://testserver{expected}") == visit(
        "/", f"http://testserver{path}"
    )


def test_pv_1_the_parameter_of_a_host_is_not_looked_for_in_the_path(visit):
    """PV-1: A host's parameter costs the path nothing."""
    assert "/h/***" == visit("/h/c-1", host="acme.example")[0]
