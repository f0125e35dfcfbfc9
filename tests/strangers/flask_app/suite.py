"""The shop's own tests."""

import importlib
from io import BytesIO

import flask
import pytest
from flask import template_rendered
from stranger_recording import APP, BROWSER, COOKIES, Visit


class Browser:
    def __init__(self, app, record):
        self.app = app
        self.record = record
        self.client = app.test_client()
        for name, value in COOKIES.items():
            self.client.set_cookie(name, value)

    def get(self, path, **more):
        return self.send("GET", path, **more)

    def post(self, path, data=None, **more):
        return self.send("POST", path, data=data, **more)

    def send(self, method, path, *, headers=None, **more):
        headers = {**BROWSER, **(headers or {})}
        # As Werkzeug keeps them; it has no public way to list a jar.
        cookies = {one.key for one in self.client._cookies.values()}
        with self.client.open(
            path, method=method, headers=headers, buffered=False, **more
        ) as response:
            chunks = list(response.iter_encoded())
        found = list(response.headers)
        visit = Visit(response.status_code, found, b"".join(chunks), chunks)
        seen = list(self.app.seen)
        return self.record(
            method, path, visit, cookies=cookies, headers=headers, more=seen
        )


@pytest.fixture
def app():
    return importlib.import_module(APP).make()


@pytest.fixture
def client(app, record):
    return Browser(app, record)


@pytest.fixture
def reader(client):
    client.post("/sign-in", {"name": "ada"})
    return client


def test_home(client):
    visit = client.get("/")
    assert (200, "books") == (visit.status, visit.get("X-Shop"))


def test_head(client):
    visit = client.send("HEAD", "/")
    assert (200, b"") == (visit.status, visit.body)


def test_options(client):
    assert {"GET", "HEAD", "OPTIONS"} == set(
        client.send("OPTIONS", "/").get("Allow").split(", ")
    )


def test_wrong_method(client):
    assert 405 == client.post("/").status
    assert 405 == client.get("/json").status


def test_own_404(client):
    assert "<h1>No /nowhere</h1>" == client.get("/nowhere").text


def test_slashes(client):
    assert 308 == client.get("/account").status
    assert 404 == client.get("/who/").status


def test_static(client):
    assert "text/css; charset=utf-8" == client.get("/static/site.css").get(
        "Content-Type"
    )
    assert 404 == client.get("/static/none.css").status


def test_static_is_conditional(client):
    tag = client.get("/static/site.css").get("ETag")
    visit = client.get("/static/site.css", headers={"If-None-Match": tag})
    assert 304 == visit.status


def test_nested_blueprints(client):
    visit = client.get("/api/v1/t9/books/dune")
    assert {"book": "dune", "tenant": "t9"} == visit.json()
    assert "t9" == visit.get("X-Tenant")


def test_class_based_list(client):
    assert "/api/v1/t9/books/emma" in client.get("/api/v1/t9/books/").text


def test_nested_slash(client):
    assert 308 == client.get("/api/v1/t9/books").status


def test_class_based_methods(client):
    visit = client.send("PUT", "/api/v1/t9/books/dune", json={"a": 1})
    assert (202, {"a": 1}) == (visit.status, visit.json()["put"])
    assert 204 == client.send("DELETE", "/api/v1/t9/books/dune").status
    assert 405 == client.send("PATCH", "/api/v1/t9/books/dune").status


def test_handlers_of_blueprints(client):
    assert {"error": "rare"} == client.get("/api/v1/t9/books/rare").json()
    assert {"error": "none"} == client.get("/api/v1/t9/books/none").json()


def test_a_blueprint_short_circuits(client):
    visit = client.get("/api/v1/t9/books/", headers={"X-Key": "wrong"})
    assert (401, "none") != (visit.status, visit.get("X-Tenant"))
    assert {"error": "key"} == visit.json()


def test_the_app_short_circuits(client):
    assert 503 == client.get("/", headers={"X-Closed": "1"}).status
    assert 503 == client.get("/nowhere", headers={"X-Closed": "1"}).status


def test_account_wants_a_reader(client):
    assert "/sign-in?next=%2Faccount%2F" == client.get("/account/").get("Location")


def test_sign_in_and_out(client):
    assert "/account/" == client.post("/sign-in", {"name": "ada"}).get("Location")
    assert "Welcome" in client.get("/account/").text
    visit = client.get("/account/")
    assert "Welcome" not in visit.text
    assert "Cookie" == visit.get("Vary")
    assert "/" == client.post("/sign-out").get("Location")
    assert 302 == client.get("/account/").status


def test_one_reader_after_another(reader):
    reader.post("/sign-in", {"name": "bob"})
    assert "bob" in reader.get("/account/").text


def test_a_wrong_name(client):
    assert 401 == client.post("/sign-in", {"name": "eve"}).status


def test_remember_me(client):
    visit = client.post("/sign-in", {"name": "ada", "remember": "1"})
    assert any(one.startswith("remember_token=") for one in visit.all("Set-Cookie"))
    client.client.delete_cookie("session")
    assert "ada" in client.get("/account/").text


def test_a_reader_by_header(client):
    assert "bob" in client.get("/account/", headers={"X-Reader": "bob"}).text


def test_nobody_on_a_page_that_asks(client):
    assert "<p></p>" in client.get("/who").text


def test_a_page_that_does_not_ask(reader):
    assert "<h1>Home</h1>" == reader.get("/").text


def test_a_page_that_uses_no_session(client):
    client.get("/office/")
    visit = client.get("/office/board")
    assert (200, None) == (visit.status, visit.get("Vary"))


def test_session(client):
    assert ["<p>1", "<p>2"] == [client.get("/counter").text for _ in range(2)]


def test_permanent_session(client):
    assert "Expires" in client.get("/permanent").get("Set-Cookie")
    assert "<p>forgotten" == client.get("/forget").text


def test_forged_session(client):
    client.client.set_cookie("session", "forged")
    assert 200 == client.get("/").status
    assert "<p>1" == client.get("/counter").text


def test_stream(client):
    assert [b"<p>0", b"<p>1", b"<p>2"] == client.get("/lines").chunks


def test_stream_with_context(client):
    assert [b"<p>ada", b"<p>started"] == client.get("/context-lines?who=ada").chunks


def test_a_stream_that_breaks(client):
    with pytest.raises(RuntimeError, match="in the body"):
        client.get("/broken-lines")


def test_events(client):
    visit = client.get("/events")
    assert 3 == len(visit.chunks)
    assert "text/event-stream; charset=utf-8" == visit.get("Content-Type")


def test_file(client):
    assert b"a,b\n" == client.get("/file").body


def test_download(client):
    assert "attachment; filename=page.html" == client.get("/download").get(
        "Content-Disposition"
    )


def test_async_view(client):
    assert "<p>1" == client.get("/async?a=1").text


def test_thread(reader):
    assert "<p>['/thread', True]" == reader.get("/thread").text


def test_after_this_request(client):
    assert ["yes", "twice"] == client.get("/later").all("X-Later")


def test_cookies(client):
    assert 2 == len(
        [
            one
            for one in client.get("/cookies").all("Set-Cookie")
            if one.startswith(("seen", "theme"))
        ]
    )


def test_conditional(client):
    visit = client.get("/tagged")
    assert ('"fixed"', "public, max-age=60") == (
        visit.get("ETag"),
        visit.get("Cache-Control"),
    )
    assert 304 == client.get("/tagged", headers={"If-None-Match": '"fixed"'}).status


def test_json(client):
    assert {"a": [1]} == client.post("/json", json={"a": [1]}).json()
    assert 415 == client.post("/json", "a").status
    assert 400 == client.post("/json", "{", content_type="application/json").status


def test_upload(client):
    visit = client.post("/upload", {"one": (BytesIO(b"text"), "one.txt")})
    assert {"one": "text"} == visit.json()


def test_too_large(client):
    assert 413 == client.post("/json", json="a" * 20_000).status


def test_a_field_that_lacks(client):
    assert 400 == client.post("/form").status


def test_tuple(client):
    visit = client.get("/tuple")
    assert (203, "tuple") == (visit.status, visit.get("X-Kind"))


def test_abort_with_a_response(client):
    visit = client.get("/abort")
    assert (409, "1") == (visit.status, visit.get("X-Own"))


def test_own_http_exception(client):
    assert 418 == client.get("/teapot").status


def test_an_exception_becomes_an_answer(client):
    assert {"error": "never"} == client.get("/refused").json()


def test_own_500(client):
    assert "<h1>Sorry: RuntimeError</h1>" == client.get("/broken").text


def test_exceptions_propagate_where_they_should(app, record):
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(RuntimeError, match="broken") as caught:
        Browser(app, record).get("/broken")
    assert 1 == str(caught.value).count("broken")


def test_teardown(client):
    client.get("/broken")
    client.get("/")
    assert ["NoneType"] == client.app.seen[-1:]


def test_links(client):
    assert "http://localhost/links/8/a/b" == client.get("/links/7/a/b").text


def test_behind_a_proxy(client):
    headers = {
        "X-Forwarded-For": "203.0.113.5",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/shop",
    }
    visit = client.get("/signed", headers=headers)
    assert ["203.0.113.5", "https", "/shop"] == visit.json()["values"]


def test_mounted_app(client):
    visit = client.get("/office/")
    assert "<h1>Desk at /office</h1>" == visit.text
    assert any(one.startswith("office=") for one in visit.all("Set-Cookie"))
    assert 404 == client.get("/office/none").status
    assert 500 == client.get("/office/broken").status


def test_mounted_wsgi(client):
    assert b"<p>written <p>/legacy" == client.get("/legacy/").body
    with pytest.raises(ValueError, match="old"):
        client.get("/legacy/error")


def test_signals(app, client):
    seen = []

    def note(sender, **more):
        seen.append(sorted(more))

    signals = (
        flask.request_started,
        flask.got_request_exception,
        flask.request_finished,
        template_rendered,
        flask.request_tearing_down,
    )
    for signal in signals:
        signal.connect(note, app)
    client.get("/who")
    client.get("/broken")
    for signal in signals:
        signal.disconnect(note, app)
    assert 8 <= len(seen)
    client.record("SEEN", "", Visit(0, [], b""), more=seen)


def test_bare_contexts(app):
    with app.app_context():
        assert flask.current_app.users
    with app.test_request_context("/who?a=1"):
        assert "1" == flask.request.args["a"]
        assert "/sign-in" == flask.url_for("pages.sign_in")


def test_a_command(app):
    assert "2 readers\n" == app.test_cli_runner().invoke(args=["readers"]).output


def test_two_apps(record):
    module = importlib.import_module(APP)
    first, second = (Browser(module.make(), record) for _ in range(2))
    assert ["<p>1", "<p>1"] == [one.get("/counter").text for one in (first, second)]
