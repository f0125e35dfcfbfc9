"""The site's own tests."""

import importlib

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from stranger_recording import APP, BROWSER, COOKIES, Visit


class Browser:
    def __init__(self, client, record):
        self.client = client
        self.record = record
        for name in ("accept", "accept-encoding", "user-agent"):
            del client.headers[name]
        client.cookies.update(COOKIES)

    def get(self, path, **more):
        return self.send("GET", path, **more)

    def post(self, path, data=None, **more):
        return self.send("POST", path, data=data, **more)

    def send(self, method, path, *, headers=None, **more):
        headers = {**BROWSER, **(headers or {})}
        cookies = set(self.client.cookies)
        with self.client.stream(
            method, path, headers=headers, follow_redirects=False, **more
        ) as response:
            chunks = list(response.iter_raw())
        found = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.headers.raw
        ]
        visit = Visit(response.status_code, found, b"".join(chunks), [])
        log = list(self.log)
        return self.record(
            method, path, visit, cookies=cookies, headers=headers, more=log
        )

    @property
    def log(self):
        return self.client.app.state.log

    def connect(self, path):
        return self.client.websocket_connect(path, headers=BROWSER)


@pytest.fixture
def app():
    return importlib.import_module(APP).make()


@pytest.fixture
def client(app, record):
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Browser(client, record)


def test_home(client):
    visit = client.get("/")
    assert (200, "things") == (visit.status, visit.get("x-site"))


def test_sync(client):
    assert "<h1>Sync</h1>" == client.get("/sync").text


def test_template(client):
    assert "<h1>Item 7</h1>" in client.get("/page/7").text
    assert 404 == client.get("/page/seven").status


def test_lifespan_state(client):
    assert "<p>hello" == client.get("/state").text


def test_the_lifespan_ends(app):
    with TestClient(app):
        assert ["up"] == app.state.log
    assert ["up", "down"] == app.state.log


def test_without_a_lifespan(app, record):
    app.state.log = []
    browser = Browser(TestClient(app, raise_server_exceptions=False), record)
    assert 200 == browser.get("/").status
    assert 500 == browser.get("/state").status


def test_twice_in_one_process(app):
    for _ in range(2):
        with TestClient(app) as client:
            assert 200 == client.get("/").status_code


def test_head(client):
    assert 405 == client.send("HEAD", "/").status
    visit = client.send("HEAD", "/both")
    assert (200, b"") == (visit.status, visit.body)


def test_several_methods(client):
    assert "<p>POST" == client.post("/both").text
    assert 405 == client.send("PUT", "/both").status


def test_options(client):
    assert 405 == client.send("OPTIONS", "/").status


def test_cors(client):
    headers = {
        "Origin": "https://other.example",
        "Access-Control-Request-Method": "PUT",
    }
    visit = client.send("OPTIONS", "/", headers=headers)
    assert "https://other.example" == visit.get("access-control-allow-origin")
    visit = client.get("/", headers={"Origin": "https://other.example"})
    assert "https://other.example" == visit.get("access-control-allow-origin")


def test_wrong_host(client):
    assert 400 == client.get("/", headers={"Host": "evil.example"}).status


def test_other_host(client):
    visit = client.get("/deep/x", headers={"Host": "other.example"})
    assert "<p>{'b': 'x'}" == visit.text


def test_404(client):
    assert {"detail": "Not Found"} == client.get("/nowhere").json()


def test_slashes(client):
    assert "http://testserver/items/" == client.get("/items").get("location")
    assert "http://testserver/me" == client.get("/me/").get("location")


def test_redirect(client):
    assert 307 == client.get("/moved").status


def test_docs(client):
    assert 200 == client.get("/docs").status
    assert (
        "/api/{tenant}/items/{item_id}" in client.get("/openapi.json").json()["paths"]
    )


def test_response_model(client):
    assert [
        {"name": "tea", "price": 1.0},
        {"name": "milk", "price": 2.0},
    ] == client.get("/items/").json()


def test_yield_endpoint(client):
    lines = client.get("/items/each").text.splitlines()
    assert ['{"name":"tea","price":1.0}', '{"name":"milk","price":1.0}'] == lines


def test_included_router(client):
    assert {"name": "item 3 lock", "price": 1.0} == client.get("/api/t1/items/3").json()
    assert "lock" in client.log


def test_http_exception(client):
    assert {"detail": "no such item"} == client.get("/items/404").json()
    assert "1" == client.get("/teapot").get("x-tea")


def test_own_validation(client):
    assert {"fields": ["path.item_id"]} == client.get("/items/x").json()
    visit = client.post("/items/", json={"name": "x"})
    assert (422, {"fields": ["body.name"]}) == (visit.status, visit.json())
    assert 422 == client.send("POST", "/items/", content=b"{").status


def test_a_dependency_is_closed(client):
    visit = client.post("/items/", json={"name": "tea"}, headers={"X-Kind": "k"})
    assert (201, {"name": "tea k", "price": 1.0}) == (visit.status, visit.json())
    assert ["up", "open", "close"] == client.log


def test_a_dependency_sees_the_exception(client):
    visit = client.post("/items/", json={"name": "refused"})
    assert (409, {"error": "never"}) == (visit.status, visit.json())
    assert ["up", "open", "refused", "close"] == client.log


def test_delete(client):
    visit = client.send("DELETE", "/items/3")
    assert (204, b"") == (visit.status, visit.body)


def test_upload(client):
    visit = client.send("POST", "/items/upload", files={"sent": ("a.txt", b"text")})
    assert {"name": "a.txt", "text": "text"} == visit.json()


def test_raw_body(client):
    visit = client.send("POST", "/items/raw", content=iter([b"one ", b"two"]))
    assert "one two" == visit.text


def test_security(client):
    assert "Bearer" == client.get("/api/t1/whose").get("www-authenticate")
    visit = client.get("/api/t1/whose", headers={"Authorization": "Bearer ada"})
    assert {"tenant": "t1", "name": "ada"} == visit.json()


def test_session(client):
    assert ["<p>1", "<p>2"] == [client.get("/counter").text for _ in range(2)]


def test_sign_in_and_out(client):
    assert "/me" == client.post("/sign-in", {"name": "ada"}).get("location")
    assert "<p>ada" == client.get("/me").text
    assert 303 == client.post("/sign-out").status
    assert "<p>nobody" == client.get("/me").text


def test_a_page_that_does_not_ask(client):
    client.post("/sign-in", {"name": "ada"})
    visit = client.get("/")
    assert "Cookie" not in (visit.get("vary") or "")


def test_forged_session(client):
    client.client.cookies.set("session", "forged")
    assert "<p>nobody" == client.get("/me").text


def test_stream(client):
    assert "<p>0<p>1<p>2" == client.get("/lines").text


def test_async_stream(client):
    assert "<p>0<p>1<p>2" == client.get("/async-lines").text


def test_events(client):
    visit = client.get("/events")
    assert "text/event-stream; charset=utf-8" == visit.get("content-type")


def test_a_stream_that_breaks(app, record):
    with (
        TestClient(app) as client,
        pytest.raises(RuntimeError, match="in the body"),
    ):
        Browser(client, record).get("/broken-lines")


def test_gzip(client):
    visit = client.get("/wide", headers={"Accept-Encoding": "gzip"})
    assert "gzip" == visit.get("content-encoding")
    visit = client.get("/lines", headers={"Accept-Encoding": "gzip"})
    assert "gzip" == visit.get("content-encoding")


def test_file(client):
    visit = client.get("/file")
    assert 'attachment; filename="site.css"' == visit.get("content-disposition")


def test_range(client):
    visit = client.get("/file", headers={"Range": "bytes=0-3"})
    assert (206, b"body") == (visit.status, visit.body)


def test_static(client):
    visit = client.get("/static/site.css")
    assert 200 == visit.status
    tag = visit.get("etag")
    again = client.get("/static/site.css", headers={"If-None-Match": tag})
    assert 304 == again.status
    assert 404 == client.get("/static/none.css").status


def test_cookies(client):
    found = client.get("/cookies").all("set-cookie")
    assert ["seen", "other", "theme"] == [
        one.partition("=")[0] for one in found if not one.startswith("ajs_")
    ]


def test_cached(client):
    assert "public, max-age=60" == client.get("/cached").get("cache-control")


def test_own_500(client):
    assert "<h1>Sorry: RuntimeError</h1>" == client.get("/broken").text
    assert "<h1>Sorry: RuntimeError</h1>" == client.get("/sync-broken").text


def test_the_exception_reaches_the_server(app, record):
    with (
        TestClient(app) as client,
        pytest.raises(RuntimeError, match="broken"),
    ):
        Browser(client, record).get("/broken")


def test_short_circuit(client):
    visit = client.get("/", headers={"X-Closed": "1"})
    assert (503, None) == (visit.status, visit.get("x-site"))


def test_background(client):
    assert "<p>soon" == client.get("/background").text
    assert ["up", "async later", "sync later"] == client.log


def test_tasks_and_threads(client):
    assert "<p>/task1" == client.get("/task").text


def test_class_based(client):
    assert "<p>class ada" == client.get("/class/ada").text
    assert 202 == client.post("/class/ada").status
    assert 405 == client.send("PUT", "/class/ada").status
    assert b"" == client.send("HEAD", "/class/ada").body


def test_mounted_app(client):
    assert "<p>7 /admin" == client.get("/admin/users/7").text
    assert "no such admin" == client.get("/admin/none").text
    assert "Internal Server Error" == client.get("/admin/broken").text
    assert 422 == client.get("/admin/users/x").status


def test_mounts_in_mounts(client):
    assert "<p>{'a': 'x', 'b': 'y'}" == client.get("/m/x/in/deep/y").text
    assert 404 == client.get("/m/x/none").status


def test_websocket(client):
    with client.connect("/echo/hall") as socket:
        socket.send_text("hello")
        answer = socket.receive_json()
        headers = [(k.decode(), v.decode()) for k, v in socket.extra_headers]
    assert {"room": "hall", "text": "hello"} == answer
    seen = [str(answer), *client.log]
    client.record("WS", "/echo/hall", Visit(101, headers, b""), more=seen)


def test_websocket_closed_by_the_site(client):
    with client.connect("/echo/hall") as socket:
        socket.send_text("close")
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    assert 4000 == closed.value.code


@pytest.mark.parametrize("path", ["/refused", "/no-such-socket"])
def test_websocket_refused(client, path):
    with pytest.raises(WebSocketDisconnect), client.connect(path):
        pass


def test_url_for(app):
    assert "/page/3" == app.url_path_for("item_page", item_id=3)
