"""How the app's analytics are tested: ``pytest``, without broker or write key."""

import pytest
from app import app, site


@pytest.fixture(autouse=True)
def eager():
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def test_an_order_s_invoice_is_its_user_s(segment_events):
    site.test_client().post("/orders/7")
    segment_events.assert_tracked(
        "Invoice Sent", user_id="user-1", properties={"number": 7}
    )
