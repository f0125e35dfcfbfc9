"""`@tracks` and the forms in which frameworks take a returned status."""

from __future__ import annotations

import asyncio

import flask
import pytest
from aiohttp import web

from segment_integrations import Analytics, bind, tracks
from segment_integrations.flask import Segment

VISITOR = {"Cookie": "ajs_anonymous_id=an-1"}
RETURNED = [
    (({"error": "declined"}, 402), 402, []),
    (("declined", 402, {"X-Why": "card"}), 402, []),
    (("taken", 201), 201, ["Order Completed"]),
    (("taken", {"X-Why": "card"}), 200, ["Order Completed"]),
]


@pytest.mark.parametrize(
    ("returned", "status", "expected"),
    [*RETURNED, (("declined", "402 PAYMENT REQUIRED"), 402, [])],
)
def test_de_flask_a_returned_status_is_a_response_s(
    returned, status, expected, segment_events
):
    """What Flask makes a response of an error of is no success."""
    app = flask.Flask("shop")
    Segment(app, Analytics("k"))
    app.post("/")(tracks("Order Completed")(lambda: returned))
    client = app.test_client(use_cookies=False)
    assert status == client.post("/", headers=VISITOR).status_code
    assert expected == [one["event"] for one in segment_events.tracks]


@pytest.mark.parametrize(("returned", "status", "expected"), RETURNED)
def test_de_quart_a_returned_status_is_a_response_s(
    returned, status, expected, segment_events
):
    """What Quart makes a response of an error of is no success."""
    # Not at the top: the oldest frameworks are without Quart.
    import quart

    from segment_integrations.quart import SegmentMiddleware

    app = quart.Quart("shop")
    app.asgi_app = SegmentMiddleware(app.asgi_app, analytics=Analytics("k"))

    @app.post("/")
    @tracks("Order Completed")
    async def view():
        return returned

    answer = asyncio.run(app.test_client().post("/", headers=VISITOR))
    assert status == answer.status_code
    assert expected == [one["event"] for one in segment_events.tracks]


@pytest.mark.parametrize(
    ("status", "expected"), [(402, []), (201, ["Order Completed"])]
)
def test_de_aiohttp_a_response_tells_its_status(status, expected, segment_events):
    """A response of aiohttp's with a status of 400 or more is no success."""
    response = web.json_response({}, status=status)
    with bind(user_id="u-1"):
        assert response is tracks("Order Completed")(lambda: response)()
    assert expected == [one["event"] for one in segment_events.tracks]


def test_de_two_values_outside_of_a_request_are_no_response(segment_events):
    """A function that returns a text and a number is no view."""
    with bind(user_id="u-1"):
        assert ("EUR", 450) == tracks("Paid")(lambda: ("EUR", 450))()
    assert ["Paid"] == [one["event"] for one in segment_events.tracks]
