"""
The list of behaviours that every framework must show, by acceptance id.

The tests of this folder are the list's text in code: each carries its id in its name
and runs against every driver in `driving.DRIVERS`, unless the id is one of
`NOT_EVERYWHERE`, where it says why. `test_behaviours.py` holds both together.
"""

from __future__ import annotations

from typing import Final

from acceptance_ids import HOLDS

BEHAVIOURS: Final = {
    one: HOLDS[one]
    for one in (
        "CTX-1",
        "CTX-2",
        "CTX-3",
        "CTX-4",
        "CTX-5",
        "CTX-6",
        "CTX-8",
        "CTX-9",
        "CTX-10",
        "CTX-11",
        "CTX-12",
        "RT-3",
        "RT-4",
        "RT-5",
        "PG-1",
        "PG-2",
        "PG-3",
        "PG-4",
        "PG-5",
        "PG-6",
        "PG-7",
        "PG-8",
        "PG-9",
        "PV-1",
        "PV-2",
        "PV-3",
        "PV-4",
        "DE-8",
        "RULE-1",
        "RULE-2",
        "RULE-3",
        "RULE-4",
    )
}

NOT_EVERYWHERE: Final = {
    "CTX-2": "only Starlette has that middleware",
    "PG-3": "rows of the decision table",
    "PG-2": "rows of the decision table",
    "PG-4": "rows of the decision table",
    "RULE-3": "a fresh interpreter for each framework",
    "RULE-4": "a fresh interpreter for each module",
}

_NO_ROUTER = "a plain application has no router that tells where a request went"
_NO_SESSION = "a plain application has no session and no user"
_NO_REQUEST = "a plain application has no request object, only the scope or environ"

NOT_OF_PLAIN_APPS: Final = {
    "PG-2 a view with the mark": _NO_ROUTER,
    "test_a_page_call_has_what_the_spec_names": _NO_ROUTER,
    "test_a_resolved_user_comes_before_the_session": _NO_SESSION,
    "test_another_user_than_the_session_s_leaves_the_visitor_behind": _NO_SESSION,
    "test_the_session_is_asked_where_no_event_has_asked": _NO_SESSION,
    "test_a_view_names_its_page": _NO_ROUTER,
    "test_ctx_6_a_request_inside_a_request": _NO_ROUTER,
    "test_pg_5_a_redirect_chain_is_one_page": _NO_ROUTER,
    "test_pg_7_a_signed_in_page_gets_no_vary": _NO_SESSION,
    "test_pg_9_every_decision_is_counted_and_explained": _NO_ROUTER,
    "test_privacy_signals_reach_the_hook": _NO_REQUEST,
    "test_pv_1_a_secret_longer_than_the_bound_of_a_path": _NO_ROUTER,
    "test_pv_1_a_track_in_the_view_masks_too": _NO_ROUTER,
    "test_pv_1_masks_in_a_referrer_of_this_site": _NO_ROUTER,
    "test_pv_1_masks_in_path_url_and_search": _NO_ROUTER,
    "test_pv_1_own_names_and_parameters": _NO_ROUTER,
    "test_pv_4_an_address_that_is_no_utf_8": _NO_ROUTER,
    "test_rt_3_one_name_for_one_route": _NO_ROUTER,
    "test_rt_5_one_normal_form": _NO_ROUTER,
    "test_the_callables_get_the_framework_s_request": _NO_REQUEST,
    "test_the_session_says_who_is_signed_in": _NO_SESSION,
    "test_the_user_callable_comes_before_all_that_is_detected": _NO_SESSION,
}
"""
Tests, and rows of the decision table, that ask for what a framework has.

Run for the plain applications too, where they must fail: a reason that is true no more
is found out.
"""
