"""Which requests make a page call: PG-1 to PG-9."""

from __future__ import annotations

import pytest
from decision_table import ROWS, Row, quiet
from neutral import HTML, Reply, plain

from segment_integrations import Analytics, page
from segment_integrations.core import policy
from segment_integrations.core.request import RequestInfo, ResponseInfo, Routing

AFTERWARDS = {"consent", "gpc", "sampled_out", "no_identity"}
"""Asked by `Analytics`, for they are no facts of the exchange."""

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)


def facts(row: Row) -> tuple[RequestInfo, ResponseInfo]:
    path, _, query = row.path.partition("?")
    return (
        RequestInfo(
            method=row.method,
            path=path,
            query_string=query,
            headers=row.request_headers,
        ),
        ResponseInfo(row.status, row.answered, Routing("/", endpoint=row.view)),
    )


def test_pg_1_the_table_is_long_enough():
    """The decision table has at least 60 different rows."""
    assert len(ROWS) >= 60
    assert len({row.id for row in ROWS}) == len(ROWS)


@every_row
def test_pg_1_explain(row):
    """The pure policy gives each row's reason, and `explain` with it."""
    info, response = facts(row)
    with Analytics("key", **row.settings) as analytics:
        decision = analytics.explain(info, response)
        assert row.reason == decision.reason
        assert (row.reason == "page") == decision.sends == bool(decision)
        alone = policy.decide(info, response, analytics.settings)
        assert ("page" if row.reason in AFTERWARDS else row.reason) == alone.reason


@every_row
def test_pg_1_in_every_framework(row, make_site):
    """A framework's own request and response give the same answer as the policy."""

    def view(_):
        body = b"" if row.status in {204, 304} else b"<h1>Hello</h1>"
        return Reply(row.status, list(row.answered.items()), body)

    view.__dict__.update(row.view.__dict__)
    site = make_site({row.path.partition("?")[0]: view}, **row.settings)
    answer = site.send(row.path, row.method, headers=row.request_headers)
    assert row.status == answer.status
    assert {row.reason: 1} == site.pages()
    assert (row.reason == "page") == (len(site.events.pages) == 1)
    assert len(site.events.pages) == len(site.events.messages)


def test_pg_2_what_no_router_knows(make_site):
    """A path without a route is no page, whoever writes the 404."""
    site = make_site()
    assert site.visit("/nowhere").status == 404
    assert {"status": 1} == site.pages()


def test_pg_5_a_redirect_chain_is_one_page(make_site):
    """Signing in and being led home is one page view, of home."""

    def login(_):
        return Reply(302, [HTML, ("Location", "/home")], b"")

    site = make_site({"/login": login, "/home": plain})
    target = site.visit("/login").all("location")
    assert site.visit(target[0]).status == 200
    (one,) = site.events.pages
    assert one["name"] == "/home"
    assert {"status": 1, "page": 1} == site.pages()


@pytest.mark.parametrize(
    ("setting", "hook", "reason"),
    [("exclude", "exclude", "failed"), ("consent", "consent", "consent")],
)
def test_pg_6_a_predicate_that_raises(make_site, log, setting, hook, reason):
    """A raising predicate costs the page, one log line, and nothing else."""

    def predicate(_):
        raise RuntimeError("ada@example.com")

    given = [predicate] if setting == "exclude" else predicate
    site = make_site(**{setting: given})
    for _ in range(3):
        answer = site.visit()
        assert answer.status == 200
        assert answer.body == b"<h1>Hello</h1>"
    assert [] == site.events.messages
    assert {reason: 3} == site.pages()
    (line,) = log()
    assert line.startswith(f"{hook} failed with RuntimeError")
    assert "ada" not in line


@pytest.mark.parametrize(
    "headers",
    [
        [HTML],
        [HTML, ("Cache-Control", "public, max-age=60")],
        [HTML, ("Cache-Control", "s-maxage=60"), ("Vary", "Accept-Encoding")],
        [HTML, ("ETag", '"1"'), ("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")],
    ],
    ids=["plain", "public", "s-maxage", "validators"],
)
@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_pg_7_a_cacheable_response_stays_as_it_is(
    make_site, bare_site, headers, is_known
):
    """No header changes by our presence on a page that a cache may keep."""
    routes = {"/": lambda _: Reply(headers=headers)}
    is_public = any(name == "Cache-Control" for name, _ in headers)
    cookie = {} if is_known else {"cookie": ""}
    without = bare_site(routes).visit(**cookie)
    site = make_site(routes, anonymous_cookie=is_public)
    answer = site.visit(**cookie)
    assert without.headers == answer.headers
    assert without.body == answer.body


def test_pg_7_a_signed_in_page_gets_no_vary(make_site, bare_site, driver):
    """Reading who is signed in does not make a page depend on the cookie."""

    def sign_in(seen):
        seen.session[driver.module.SESSION_KEY] = "u-7"
        return Reply()

    routes = {"/in": sign_in, "/": plain}
    cookies = bare_site(routes).visit("/in").cookies()
    without = bare_site(routes).visit(cookie=cookies)
    site = make_site(routes)
    answer = site.visit(cookie=cookies)
    assert without.headers == answer.headers
    (one,) = site.events.pages
    assert one["userId"] == "u-7"


def test_pg_8_an_explicit_page_replaces_the_automatic_one(make_site):
    """`page("Pricing")` in the view is the only page call of the request."""

    def view(_):
        page("Pricing", {"plan": "pro"})
        return Reply()

    site = make_site({"/pricing": view})
    site.visit("/pricing")
    (one,) = site.events.pages
    assert one["name"] == "Pricing"
    assert one["properties"]["plan"] == "pro"
    assert one["properties"]["path"] == "/pricing"
    assert {"explicit_page": 1} == site.pages()


def test_pg_9_every_decision_is_counted_and_explained(make_site):
    """`stats().pages` has one number per rule, and `explain` names the rule."""
    site = make_site({"/": plain, "/quiet": quiet})
    for _ in range(2):
        site.visit()
    site.visit("/quiet")
    site.visit(method="HEAD")
    assert {"page": 2, "excluded_view": 1, "method": 1} == site.pages()
    decision = site.analytics.explain(RequestInfo(method="POST"), ResponseInfo())
    assert decision.reason == "method"


def test_pg_9_a_view_can_ask_for_the_decision(make_site):
    """Inside a request `current().explain()` says what will be decided."""
    from segment_integrations import current

    said = []

    def view(_):
        said.append(current().explain())
        return Reply()

    site = make_site({"/": view})
    site.visit()
    site.visit(headers={"HX-Request": "true"})
    assert ["page", "fragment"] == [one.reason for one in said]
    assert {"page": 1, "fragment": 1} == site.pages()
