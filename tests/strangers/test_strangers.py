"""Applications that know nothing of us behave the same with our middleware."""

import pytest
from stranger_comparing import (
    OURS,
    deletes_session,
    normal,
    pairs,
    without_our_cookie,
    without_session_effects,
)

CHECKS_MIN = 40
USERS = {
    "django_app": "00000000-0000-0000-0000-000000000007",
    "flask_app": "reader-ada",
    "fastapi_app": "ada",
}
PAGES_MIN = {"django_app": 50, "flask_app": 20, "fastapi_app": 18}
COOKIES_MIN = {"django_app": 4, "flask_app": 20, "fastapi_app": 15}
# Where a user leaves, or another one takes the place, a new visitor begins.
TURNS = {"/accounts/logout/", "/api/v1/sign-out", "/sign-out", "/sign-in"}
RUNS = [
    ("django_app", "default"),
    ("django_app", "resolved"),
    ("django_app", "eager"),
    ("django_app", "cookie"),
    ("flask_app", "default"),
    ("flask_app", "eager"),
    ("flask_app", "cookie"),
    ("fastapi_app", "default"),
    ("fastapi_app", "cookie"),
]
MORE_QUERIES = {"resolved": 0, "default": 1, "cookie": 1}


def assert_did_something(app, ours):
    """Our middleware was there: it sent pages, and knew who was signed in."""
    pages = [one for one in ours["messages"] if one[0] == "page"]
    assert PAGES_MIN[app] <= len(pages)
    assert USERS[app] in {user for _, _, user in pages}


@pytest.mark.parametrize(
    ("app", "variant"), [one for one in RUNS if one[1] in {"default", "resolved"}]
)
def test_rule_2_a_stranger_s_responses_are_the_same_to_the_byte(runs, app, variant):
    """Its suite passes with us, and each status, header and body is as without."""
    bare, ours = runs(app, "bare"), runs(app, variant)
    assert CHECKS_MIN <= len(bare["outcomes"])
    assert bare["outcomes"] == ours["outcomes"]
    for test, one, other in pairs(bare, ours):
        assert normal(one) == normal(other), test
    assert [] == ours["lines"]
    if variant == "default":
        assert_did_something(app, ours)


@pytest.mark.parametrize("app", ["django_app", "flask_app"])
def test_rule_2_eager_does_what_loading_the_user_does(runs, app):
    """Each request varies by cookie, as if its view had asked for the user."""
    bare, ours = runs(app, "bare"), runs(app, "eager")
    for test, one, other in pairs(bare, ours):
        before, after = (without_session_effects(normal(each)) for each in (one, other))
        # A page that deletes a session's cookie has none to delete without us.
        if deletes_session(other) and not deletes_session(one):
            drop = {"cache-control", "expires"}
            before["headers"] = [
                pair for pair in before["headers"] if pair[0].lower() not in drop
            ]
        assert before == after, test
    assert [] == ours["lines"]
    assert_did_something(app, ours)


@pytest.mark.parametrize("app", PAGES_MIN)
def test_rule_2_anonymous_cookie_is_set_where_documented(runs, app):
    """Only page views that no shared cache keeps, and a change of users, have it."""
    bare, ours = runs(app, "bare"), runs(app, "cookie")
    given = []
    for test, one, other in pairs(bare, ours):
        rest, has_cookie = without_our_cookie(other)
        assert normal(one) == normal(rest), test
        if has_cookie:
            given.append(other["request"][1])
            assert may_have_our_cookie(other), (test, other["headers"])
    assert COOKIES_MIN[app] <= len(given)
    # FastAPI has no sign-out that could be known: its endpoint clears a session.
    assert (app != "fastapi_app") == (not TURNS.isdisjoint(given))
    assert [] == ours["lines"]


def may_have_our_cookie(exchange):
    """What the page on identity promises."""
    method, path = exchange["request"]
    found = {name.lower(): value for name, value in exchange["headers"]}
    control = found.get("cache-control", "")
    if "public" in control or ("max-age" in control and "private" not in control):
        return False
    if path in TURNS:
        return True
    return (
        method == "GET"
        and exchange["status"] // 100 == 2
        and found["content-type"].startswith("text/html")
        and "attachment" not in found.get("content-disposition", "")
        and OURS not in exchange["cookies"]
    )


@pytest.mark.parametrize("variant", MORE_QUERIES)
def test_dj_1_dj_3_queries_of_a_stranger_s_requests(runs, variant):
    """None by `resolved`; else one, of requests that carry a session cookie."""
    bare, ours = runs("django_app", "bare"), runs("django_app", variant)
    seen = set()
    for test, one, other in pairs(bare, ours):
        if "queries" not in one:
            continue
        before, after = one["queries"], other["queries"]
        more = after["default"] - before["default"]
        assert 0 <= more <= MORE_QUERIES[variant] * other["has_session"], test
        assert before["archive"] == after["archive"], test
        seen.add(more)
    assert set(range(MORE_QUERIES[variant] + 1)) == seen
