"""The site's own tests, of which each is run under WSGI and ASGI."""

import itertools
import re
import uuid
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core import signals
from django.core.cache import cache
from django.core.management import call_command
from stranger_recording import Visit

from django_app import models, views
from django_app.browser import Browser

pytestmark = pytest.mark.django_db(databases=["default", "archive"])


@pytest.fixture(autouse=True)
def _fresh():
    cache.clear()
    views.served = itertools.count(1)
    views.committed.clear()


@pytest.fixture(params=["wsgi", "asgi"])
def client(request, record):
    return Browser(request.param, record)


@pytest.fixture
def ada():
    return get_user_model().objects.create_user(
        "ada@example.org", "pw", id=uuid.UUID(int=7)
    )


@pytest.fixture
def member(client, ada):
    """A browser that ada has signed in with."""
    client.force_login(ada)
    return client


def test_home_is_translated(client):
    visit = client.get("/")
    assert (200, "de") == (visit.status, visit.get("Content-Language"))
    assert visit.get("X-Frame-Options") == "DENY"


def test_pages_come_out_of_the_site_s_cache(client):
    assert client.get("/plain/").body == client.get("/plain/").body
    assert "max-age=60" in client.get("/plain/").get("Cache-Control")


def test_a_cached_page_is_cached_for_members_too(member):
    assert member.get("/plain/").body == member.get("/plain/").body


def test_a_plain_page_does_not_vary_by_cookie(member):
    assert "Cookie" not in (member.get("/plain/").get("Vary") or "")


def test_cache_page(client):
    first, second = client.get("/cached/"), client.get("/cached/")
    assert first.body == second.body
    assert "max-age=30" in first.get("Cache-Control")


def test_cache_page_by_language(client):
    client.get("/cached/")
    assert b"<p>2" == client.get("/cached/", headers={"Accept-Language": "en"}).body


def test_vary(client):
    visit = client.get("/varied/")
    assert {"Cookie", "X-Kind"} <= set(visit.get("Vary").split(", "))


def test_never_cached(member):
    visit = member.get("/never/")
    assert "no-store" in visit.get("Cache-Control")
    assert "Cookie" in visit.get("Vary")


def test_conditional_get(client):
    tag = client.get("/varied/").get("ETag")
    assert 304 == client.get("/varied/", headers={"If-None-Match": tag}).status


def test_condition(client):
    assert '"fixed"' == client.get("/tagged/").get("ETag")
    assert 304 == client.get("/tagged/", headers={"If-None-Match": '"fixed"'}).status


def test_gzip(client):
    visit = client.get("/wide/", headers={"Accept-Encoding": "gzip"})
    assert "gzip" == visit.get("Content-Encoding")


def test_gzip_of_a_stream(client):
    visit = client.get("/stream/lines/", headers={"Accept-Encoding": "gzip"})
    assert "gzip" == visit.get("Content-Encoding")


def test_template_response(client):
    assert "added" not in client.get("/").text
    assert "by us" in client.get("/filled/").text


def test_template_view(client):
    assert 200 == client.get("/about/").status


def test_account_wants_a_member(client):
    visit = client.get("/account/")
    assert "/accounts/login/?next=/account/" == visit.get("Location")


def test_account(member):
    assert "<h1>ada@example.org</h1>" == member.get("/account/").text


def test_members_only(client, ada):
    assert 302 == client.get("/members/").status
    client.force_login(ada)
    assert f"<p>{ada.pk}" == client.get("/members/").text


def test_post_to_a_class(member):
    assert {"posted": {"a": "1"}} == member.post("/account/", {"a": "1"}).json()


def test_options_of_a_class(member):
    visit = member.send("OPTIONS", "/account/")
    assert "GET, POST, HEAD, OPTIONS" == visit.get("Allow")


def test_wrong_method_of_a_class(member):
    assert 405 == member.send("PUT", "/account/").status


def test_wrong_method_of_a_function(client):
    assert 405 == client.get("/transfer/").status
    assert 405 == client.post("/archive/").status


def test_head(client):
    visit = client.send("HEAD", "/plain/")
    assert (200, b"") == (visit.status, visit.body)


def test_head_of_an_async_class(client):
    assert 200 == client.send("HEAD", "/api/v1/notes").status


def test_lists_and_details(member):
    models.Note.objects.create(text="milk", pk=3)
    assert "milk" in member.get("/notes/").text
    assert "milk of ada@example.org" in member.get("/notes/3/").text
    assert 404 == member.get("/notes/4/").status


def test_a_form_with_errors(member):
    visit = member.post("/notes/new/", {"text": ""})
    assert 200 == visit.status
    assert "errorlist" in visit.text


def test_a_form_and_its_message(member):
    visit = member.post("/notes/new/", {"text": "milk"})
    assert 302 == visit.status
    assert "Kept." in member.get(visit.get("Location")).text
    assert "Kept." not in member.get(visit.get("Location")).text


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_csrf(record, ada, kind):
    browser = Browser(kind, record, checks_csrf=True)
    assert 403 == browser.post("/accounts/login/").status
    form = browser.get("/accounts/login/")
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
    data = {"username": "ada@example.org", "password": "pw"}
    visit = browser.post("/accounts/login/", {**data, "csrfmiddlewaretoken": token})
    assert "/account/" == visit.get("Location")


def test_sign_in_and_out(client, ada):
    data = {"username": "ada@example.org", "password": "pw"}
    assert 302 == client.post("/accounts/login/", data).status
    assert 200 == client.get("/account/").status
    assert "/" == client.post("/accounts/logout/").get("Location")
    assert 302 == client.get("/account/").status


def test_a_wrong_password(client, ada):
    data = {"username": "ada@example.org", "password": "no"}
    visit = client.post("/accounts/login/", data)
    assert 200 == visit.status
    assert "errorlist" in visit.text


def test_async_sign_in_and_out(client, ada):
    data = {"username": "ada@example.org", "password": "no"}
    assert 401 == client.post("/api/v1/sign-in", data).status
    visit = client.post("/api/v1/sign-in", {**data, "password": "pw"})
    assert "<p>Hello ada@example.org" == visit.text
    assert "<p>ada@example.org: " == client.get("/api/v1/notes").text
    client.post("/api/v1/sign-out")
    assert "<p>nobody: " == client.get("/api/v1/notes").text


def test_a_session_that_is_gone(member):
    member.client.session.flush()
    assert 200 == member.get("/plain/").status
    assert 302 == member.get("/account/").status


def test_a_forged_session(client):
    client.client.cookies["sessionid"] = "forged"
    assert 200 == client.get("/about/").status
    assert 302 == client.get("/members/").status


def test_the_session_counts(client):
    assert ["<p>1", "<p>2"] == [client.get("/counter/").text for _ in range(2)]
    assert "<p>2" == client.get("/never/").text


def test_own_cookies(client):
    visit = client.get("/cookies/")
    assert ["seen", "signed", "theme"] == sorted(
        one.partition("=")[0] for one in visit.all("Set-Cookie") if "ajs" not in one
    )


def test_async_view(client):
    models.Note.objects.create(text="milk")
    assert {"notes": 1} == client.get("/api/v1/pulse").json()


def test_async_class(member):
    assert 201 == member.post("/api/v1/notes", {"text": "tea"}).status
    assert "<p>ada@example.org: tea" == member.get("/api/v1/notes").text


def test_permanent_redirect_by_name(client):
    visit = client.get("/old-pulse/")
    assert (301, "/api/v1/pulse") == (visit.status, visit.get("Location"))


def test_slashes(client):
    assert "/about/" == client.get("/about").get("Location")
    assert 404 == client.get("/api/v1/pulse/").status
    assert 301 == client.get("/moved/").status


def test_stream(client):
    visit = client.get("/stream/lines/")
    assert [b"<p>0", b"<p>1", b"<p>2"] == visit.chunks


@pytest.mark.parametrize("path", ["/stream/async/", "/stream/events/"])
def test_async_stream(record, path):
    visit = Browser("asgi", record).get(path)
    assert 3 == len(visit.chunks)


def test_downloads(client):
    assert 'attachment; filename="report.csv"' == client.get("/files/report.csv").get(
        "Content-Disposition"
    )


@pytest.mark.parametrize("path", ["/files/source", "/files/manual"])
def test_files(record, path):
    visit = Browser("wsgi", record).get(path)
    assert visit.body.startswith(b'"""Members')
    assert str(len(visit.body)) == visit.get("Content-Length")


def test_own_404(client):
    assert "<h1>No /nowhere/</h1>" == client.get("/nowhere/").text
    assert 404 == client.get("/missing/").status


def test_own_403(client):
    assert "<h1>Denied</h1>" == client.get("/forbidden/").text


def test_400(client):
    assert 400 == client.get("/suspicious/").status


def test_a_host_that_is_not_allowed(client):
    assert 400 == client.get("/plain/", headers={"Host": "evil.example"}).status


@pytest.mark.parametrize("path", ["/broken/", "/async-broken/"])
def test_own_500(client, path):
    visit = client.get(path)
    assert (500, "<h1>Sorry</h1>") == (visit.status, visit.text)


def test_an_exception_becomes_an_answer(client):
    visit = client.get("/refused/")
    assert (409, {"error": "never"}) == (visit.status, visit.json())


def test_short_circuit_outside(client):
    visit = client.get("/", headers={"X-Maintenance": "1"})
    assert (503, "60") == (visit.status, visit.get("Retry-After"))


def test_short_circuit_before_the_view(client):
    assert 423 == client.get("/", headers={"X-Closed": "1"}).status


def test_request_id(client):
    assert "r1" == client.get("/about/", headers={"X-Request-Id": "r1"}).get(
        "X-Request-Id"
    )


def test_a_transaction_that_holds(client, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        assert {"notes": 1} == client.post("/transfer/").json()
    assert 1 == len(views.committed)
    assert "<p>first/1" == client.get("/archive/").text


@pytest.mark.parametrize(("what", "status"), [("refuse", 409), ("fail", 500)])
def test_a_transaction_that_does_not(client, what, status):
    assert status == client.post("/transfer/", {what: "1"}).status
    assert 0 == models.Note.objects.count()
    assert int(what == "fail") == models.Entry.objects.count()


@pytest.mark.django_db(databases=["default", "archive"], transaction=True)
def test_a_real_commit(record):
    browser = Browser("wsgi", record)
    browser.post("/transfer/", {"fail": "1"})
    assert [] == views.committed
    browser.post("/transfer/")
    assert 1 == len(views.committed)


def test_routes_by_expression_and_converter(client):
    assert "<p>2024 /year/2024/" == client.get("/year/2024/").text
    assert "<p>255" == client.get("/hex/ff/").text
    assert 404 == client.get("/hex/xyz/").status


def test_set_language(client):
    visit = client.post("/i18n/setlang/", {"language": "en", "next": "/about/"})
    assert "/about/" == visit.get("Location")
    assert "en" == client.get("/about/").get("Content-Language")


def test_admin(client, ada):
    assert "/admin/login/?next=/admin/" == client.get("/admin/").get("Location")
    ada.is_staff = ada.is_superuser = True
    ada.save()
    client.force_login(ada)
    assert 200 == client.get("/admin/").status


def test_signals(client):
    seen = []

    def started(sender, **_):
        seen.append("started")

    def finished(sender, **_):
        seen.append("finished")

    def failed(sender, **_):
        seen.append("failed")

    wired = (
        (signals.request_started, started),
        (signals.request_finished, finished),
        (signals.got_request_exception, failed),
    )
    for signal, receiver in wired:
        signal.connect(receiver)
    try:
        client.get("/broken/")
    finally:
        for signal, receiver in wired:
            signal.disconnect(receiver)
    assert ["started", "failed"] == seen[:2]


def test_check_deploy(record):
    out, err = StringIO(), StringIO()
    call_command("check", "--deploy", stdout=out, stderr=err, no_color=True)
    text = out.getvalue() + err.getvalue()
    assert "security." in text
    record("CHECK", "--deploy", Visit(0, [], text.encode()))
