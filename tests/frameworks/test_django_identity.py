"""Who the events of a Django request are about."""

import logging

import pytest
from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext

SESSION_BACKENDS = ["db", "cache", "cached_db", "signed_cookies"]


def counted(browser, path):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = browser.get(path)
    return response, [one["sql"] for one in queries]


def users(events):
    return [message.get("userId") for message in events.messages]


def test_dj1_resolved_mode_reads_no_session(browser, ada, settings, segment_events):
    """DJ-1: In "resolved" mode an untouched user costs nothing and is nobody."""
    settings.SEGMENT = {"IDENTITY": "resolved"}
    browser.client.force_login(ada)
    response, queries = counted(browser, "/tracked")
    assert [] == queries
    assert "Vary" not in response.headers
    assert [None] * 3 == users(segment_events)
    assert "visitor-0001" == segment_events.pages[0]["anonymousId"]


@pytest.mark.parametrize("path", ["/uses-user", "/auses-user"])
def test_dj2_resolved_user_costs_nothing(browser, ada, settings, segment_events, path):
    """DJ-2: A user that the view has loaded is the events', at no cost of ours."""
    settings.SEGMENT = {"ENABLED": False}
    browser.client.force_login(ada)
    _, before = counted(browser, path)
    settings.SEGMENT = {"IDENTITY": "resolved"}
    _, queries = counted(browser, path)
    assert len(before) == len(queries)
    assert [str(ada.pk)] * 2 == users(segment_events)


def test_dj2_session_mode_adds_no_query_to_a_view_that_uses_the_user(
    browser, ada, settings, segment_events
):
    """DJ-2: The session that we read is the one that the view uses."""
    settings.SEGMENT = {"ENABLED": False}
    browser.client.force_login(ada)
    _, before = counted(browser, "/uses-user")
    settings.SEGMENT = {}
    response, queries = counted(browser, "/uses-user")
    assert len(before) == len(queries)
    assert "Cookie" == response.headers["Vary"]
    assert [str(ada.pk)] * 2 == users(segment_events)


def test_dj2_assigned_user(browser, db, segment_events):
    """DJ-2: A user that authentication code assigned to the request counts."""
    browser.get("/assigns-user")
    assert ["77", "77"] == users(segment_events)


@pytest.mark.parametrize("path", ["/tracked", "/atracked", "/plain", "/aplain"])
def test_dj3_session_mode(browser, ada, segment_events, path):
    """DJ-3: The session names the user with one query and no `Vary`."""
    browser.client.force_login(ada)
    response, queries = counted(browser, path)
    assert 1 == len(queries)
    assert "django_session" in queries[0]
    assert "Vary" not in response.headers
    assert "Set-Cookie" not in response.headers
    assert {str(ada.pk)} == set(users(segment_events))


@pytest.mark.parametrize("path", ["/tracked", "/atracked"])
def test_dj3_no_query_without_a_session_cookie(browser, db, segment_events, path):
    """DJ-3: Without a session cookie the database is not asked."""
    response, queries = counted(browser, path)
    assert [] == queries
    assert "Vary" not in response.headers
    assert [None] * 3 == users(segment_events)


@pytest.mark.parametrize("path", ["/tracked", "/atracked"])
def test_dj3_stale_session_cookie_changes_nothing(browser, db, segment_events, path):
    """DJ-3: A cookie of a session that is gone is read once and left alone."""
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    response, queries = counted(browser, path)
    assert 1 == len(queries)
    assert "Vary" not in response.headers
    assert {} == response.cookies
    assert [None] * 3 == users(segment_events)


def test_dj3_session_that_is_gone_is_still_handled_by_the_view(browser, db):
    """DJ-3: What the view does with a session that is gone is as without us."""
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    response = browser.get("/uses-session")
    assert "a" * 32 != response.cookies[settings.SESSION_COOKIE_NAME].value
    assert 1 == Session.objects.count()


@pytest.mark.parametrize("backend", SESSION_BACKENDS)
def test_dj3_every_session_backend(browser, ada, settings, segment_events, backend):
    """DJ-3: All of Django's session backends are read without a trace."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{backend}"
    browser.client.force_login(ada)
    response = browser.get("/atracked")
    assert {str(ada.pk)} == set(users(segment_events))
    assert "Vary" not in response.headers
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = "b" * 32
    response = browser.get("/atracked")
    assert "Vary" not in response.headers
    assert {} == response.cookies
    assert [None] * 3 == users(segment_events)[3:]


def test_dj3_session_used_by_the_view_varies(browser, ada, segment_events):
    """DJ-3: The flag that the view sets by using its session stays."""
    browser.client.force_login(ada)
    response = browser.get("/uses-session")
    assert "Cookie" == response.headers["Vary"]
    assert {str(ada.pk)} == set(users(segment_events))


def test_session_key(browser, db, settings, segment_events):
    """`session_key` reads the application's own key, whatever Django's user is."""
    settings.SEGMENT = {"SESSION_KEY": "member"}
    client = Client()
    session = client.session
    session["member"] = 5
    session.save()
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    browser.get("/uses-user")
    assert ["5", "5"] == users(segment_events)


@pytest.mark.parametrize("path", ["/tracked", "/atracked"])
def test_dj4_eager(browser, ada, settings, segment_events, caplog, path):  # noqa: PLR0917 - fixtures
    """DJ-4: "eager" loads the user before the view, sync or async."""
    settings.SEGMENT = {"IDENTITY": "eager"}
    browser.client.force_login(ada)
    _, queries = counted(browser, path)
    assert 2 == len(queries)
    assert {str(ada.pk)} == set(users(segment_events))
    assert [] == [one for one in caplog.records if one.levelno >= logging.WARNING]


def test_user_callable_wins(browser, ada, settings, segment_events):
    """The application's own callable is asked instead of Django's session."""
    settings.SEGMENT = {"USER": lambda request: f"own:{request.method}"}
    browser.client.force_login(ada)
    _, queries = counted(browser, "/tracked")
    assert [] == queries
    assert {"own:GET"} == set(users(segment_events))


def test_user_callable_names_the_user_after_a_login(
    browser, ada, settings, segment_events
):
    """After a login it is still the callable that spells the user's id."""
    settings.SEGMENT = {
        "USER": lambda request: (
            f"name:{request.user.username}"
            if "user" in request.__dict__
            and request.resolver_match
            and request.user.__class__.__name__ == "User"
            else None
        )
    }
    browser.get(f"/in-only/{ada.pk}")
    segment_events.assert_identified("name:ada")
    assert {"name:ada"} == set(users(segment_events))


def test_user_callable_that_forgot_a_call_names_nobody(
    browser, ada, settings, segment_events
):
    """A method in place of an id, whose text quotes its user, is no one's id."""
    settings.SEGMENT = {"USER": lambda request: request.get_host}
    assert 200 == browser.get(f"/in-only/{ada.pk}").status_code
    assert {None} == {one.get("userId") for one in segment_events.messages}


@pytest.mark.parametrize("prefix", ["/in", "/ain"])
def test_dj5_login(browser, ada, segment_events, prefix):
    """DJ-5: A login joins the visitor's history to the user and owns what follows."""
    browser.get(f"{prefix}/{ada.pk}")
    before, identify, after, page = segment_events.messages
    assert "userId" not in before
    assert "visitor-0001" == before["anonymousId"]
    assert "identify" == identify["type"]
    assert str(ada.pk) == identify["userId"]
    assert "visitor-0001" == identify["anonymousId"]
    assert str(ada.pk) == after["userId"]
    assert ("page", str(ada.pk)) == (page["type"], page["userId"])


@pytest.mark.parametrize("cookie", [False, True])
@pytest.mark.parametrize("path", ["/in/", "/in-only/", "/ain/"])
def test_dj5_switch_of_users(  # noqa: PLR0917 - fixtures
    browser, ada, bob, settings, segment_events, path, cookie
):
    """DJ-5: Another user on the same browser does not inherit its history."""
    settings.SEGMENT = {"ANONYMOUS_COOKIE": cookie}
    browser.client.force_login(ada)
    browser.get(f"{path}{bob.pk}")
    (identify,) = segment_events.identifies
    assert str(bob.pk) == identify["userId"]
    new = identify.get("anonymousId")
    assert "visitor-0001" != new
    assert cookie is (new is not None)
    (page,) = segment_events.pages
    assert str(bob.pk) == page["userId"]
    assert new == page.get("anonymousId")


def test_dj5_login_of_the_same_user_again_keeps_the_history(
    browser, ada, segment_events
):
    """DJ-5: Who signs in again, being signed in, keeps the anonymous id."""
    browser.client.force_login(ada)
    browser.get(f"/in-only/{ada.pk}")
    segment_events.assert_identified(str(ada.pk))
    assert "visitor-0001" == segment_events.identifies[0]["anonymousId"]


@pytest.mark.parametrize("path", ["/out", "/aout"])
def test_dj6_logout(browser, ada, segment_events, path):
    """DJ-6: After a logout no event carries the user, nor does the next request."""
    browser.client.force_login(ada)
    browser.get(path)
    after = [one for one in segment_events.messages if one.get("event") != "Before"]
    assert [None, None] == [one.get("userId") for one in after]
    segment_events.clear()
    browser.get("/tracked")
    assert [None] * 3 == users(segment_events)


def test_dj6_logout_rotates_a_minted_id(browser, ada, settings, segment_events):
    """DJ-6: An anonymous id of ours is not shared by two users of one browser."""
    settings.SEGMENT = {"ANONYMOUS_COOKIE": True}
    browser.client.force_login(ada)
    response = browser.get("/out")
    minted = response.cookies["ajs_anonymous_id"].value
    assert "visitor-0001" != minted
    segment_events.assert_tracked("After", anonymous_id=minted)


def test_dj7_login_outside_a_request(ada, segment_events):
    """DJ-7: `force_login` and `login()` on a bare request send nothing."""
    client = Client()
    client.force_login(ada)
    request = HttpRequest()
    request.session = client.session
    login(request, ada)
    logout(request)
    client.logout()
    assert [] == segment_events.messages


def test_dj8_sync_neighbour_under_asgi(asgi, ada, settings, segment_events, caplog):
    """DJ-8: With a sync-only middleware inside ours, async views work all the same."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django_neighbours.SyncOnly"]
    asgi.get("/says-user")
    assert ["jwt-1", "jwt-1"] == users(segment_events)
    segment_events.clear()
    asgi.client.force_login(ada)
    for path in ("/tracked", "/atracked"):
        response, queries = counted(asgi, path)
        assert 1 == len(queries)
        assert "Vary" not in response.headers
        assert {str(ada.pk)} == set(users(segment_events))
    assert [] == [one for one in caplog.records if one.levelno >= logging.WARNING]


def test_dj9_primary_key_of_any_type():
    """DJ-9: The user's id is the text of the primary key."""
    from uuid import UUID

    from segment_integrations.django.identity import id_of

    class User:
        is_authenticated = True
        pk = UUID(int=7)

    assert "00000000-0000-0000-0000-000000000007" == id_of(User())


def test_resolved_anonymous_user_is_nobody(browser, ada, segment_events):
    """A session that Django refuses names nobody once the view has asked."""
    browser.client.force_login(ada)
    ada.set_password("another")
    ada.save()
    browser.get("/uses-user")
    assert [None, None] == users(segment_events)


def test_broken_session_store_does_not_break_the_request(
    browser, db, settings, segment_events, caplog
):
    """RULE-1: A session that can not be read is logged once; the request goes on."""
    settings.SESSION_ENGINE = "django_neighbours"
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = "x"
    response = browser.get("/tracked")
    assert b"tracked" == response.content
    assert [None] * 3 == users(segment_events)
    caplog.clear()
