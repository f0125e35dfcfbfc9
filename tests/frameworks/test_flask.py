"""The Flask extension: what is peculiar to Flask."""

import gc
import re
import subprocess
import sys
import threading
import weakref
from types import SimpleNamespace

import flask
import flask_login
import pytest
from asgi_visits import Recorder
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from segment_integrations import (
    Analytics,
    ConfigurationError,
    bind,
    current,
    identify,
    no_page,
    page_name,
    propagate,
    set_user,
    track,
    wsgi,
)
from segment_integrations.flask import Segment
from segment_integrations.flask.request import REQUEST_KEY
from segment_integrations.testing import BROWSER_HEADERS

COOKIE = {"Cookie": "ajs_anonymous_id=anon-1"}


class User(flask_login.UserMixin):
    def __init__(self, user_id):
        self.id = user_id


def html(**_):
    return "<p>"


def tracking(**_):
    track("Seen")
    return "<p>"


loaded = []


def make_app(sent=None, name="shop", *, login=False, **settings):
    """An app of its own, whose events go to *sent*."""
    app = flask.Flask(name, static_folder=None)
    app.secret_key = "secret"
    if login:
        manager = flask_login.LoginManager(app)

        @manager.user_loader
        def load(user_id):
            loaded.append(user_id)
            return User(user_id)

    if sent is not None:
        Segment(app, Analytics("key", sink=sent, **settings))
    return app


def browse(app, path="/", cookie="ajs_anonymous_id=anon-1", client=None, **more):
    """A browser's navigation, as *client*."""
    client = client or app.test_client()
    if cookie:
        name, _, value = cookie.partition("=")
        client.set_cookie(name, value)
    headers = {**BROWSER_HEADERS, **more.pop("headers", {})}
    return client.open(path, headers=headers, **more)


def sign_in(client, **values):
    with client.session_transaction() as session:
        session.update(values)


@pytest.fixture
def sent():
    return Recorder()


@pytest.fixture
def app(sent):
    return make_app(sent)


@pytest.fixture(autouse=True)
def _nobody_loaded():
    loaded.clear()


# -- setting up ---------------------------------------------------------------------


def test_init_app_returns_the_app_and_is_harmless_twice(sent):
    """A second `init_app` changes nothing: one middleware, one page call."""
    app = make_app()
    segment = Segment(analytics=Analytics("key", sink=sent))
    assert segment.init_app(app) is app
    around = app.wsgi_app
    segment.init_app(app)
    Segment(app, write_key="another")
    assert app.wsgi_app is around is app.extensions["segment"]
    app.add_url_rule("/", view_func=html)
    browse(app)
    assert ["page"] == sent.names()


def test_configuration_comes_from_each_apps_config():
    """Two apps of one extension have the keys of their own configs."""
    segment = Segment(flush_at=7)
    apps = [flask.Flask("one"), flask.Flask("two")]
    for app in apps:
        app.config.update(
            SEGMENT_WRITE_KEY=f"key of {app.name}", SEGMENT_FLUSH_AT=8, SEGMENT_OTHER=1
        )
        segment.init_app(app)
    made = [app.extensions["segment"].analytics for app in apps]
    assert ["key of one", "key of two"] == [one.settings.write_key for one in made]
    assert [7, 7] == [one.settings.flush_at for one in made]
    for one in made:
        one.close()


def test_the_config_is_read_by_init_app(segment_events):
    """A later change is not seen: an app whose factory is called again has its own."""

    def create_app(**config):
        app = flask.Flask("shop", static_folder=None)
        app.config.update(SEGMENT_WRITE_KEY="key", **config)
        Segment(app)
        app.add_url_rule("/", "home", html)
        return app

    app = create_app()
    app.config["SEGMENT_PAGES"] = "off"
    browse(app)
    assert 1 == len(segment_events.pages)
    browse(create_app(SEGMENT_PAGES="off"))
    assert 1 == len(segment_events.pages)


def test_init_app_takes_an_analytics_of_its_own(sent):
    """What `init_app` is given wins over the constructor's."""
    app = make_app()
    mine = Analytics("mine", sink=sent)
    Segment(analytics=Analytics("key", sink=Recorder())).init_app(app, mine)
    assert app.extensions["segment"].analytics is mine


def test_a_wrong_value_is_named_as_flask_spells_it():
    """A wrong value in the config fails at start-up, by its name there."""
    app = flask.Flask("wrong")
    app.config.update(SEGMENT_WRITE_KEY="key", SEGMENT_FLUSH_AT="many")
    with pytest.raises(ConfigurationError, match=r"^SEGMENT_FLUSH_AT must"):
        Segment(app)


def test_a_missing_key_is_named_as_flask_spells_it(monkeypatch):
    """Without a key the app does not start, and the text says where to put it."""
    monkeypatch.setattr("segment_integrations.client.is_test_run", lambda: False)
    monkeypatch.delenv("SEGMENT_WRITE_KEY", raising=False)
    with pytest.raises(ConfigurationError) as caught:
        Segment(flask.Flask("keyless"))
    assert 'app.config["SEGMENT_WRITE_KEY"]' in str(caught.value)


def test_either_analytics_or_settings():
    """Settings beside an `Analytics` would be ignored, so they are refused."""
    with pytest.raises(ConfigurationError, match="not both"):
        Segment(analytics=Analytics("key", sink=Recorder()), flush_at=1)


def test_rule_4_importing_imports_no_flask_login():
    """The module imports without Flask-Login, and does not import it."""
    code = (
        "import sys; sys.modules['flask_login'] = None;"
        "import segment_integrations.flask, flask;"
        "app = flask.Flask('flask'); app.add_url_rule('/', view_func=lambda: '<p>');"
        "segment_integrations.flask.Segment(app, write_key='k', identity='eager');"
        "assert app.test_client().get('/').status_code == 200;"
        "print([name for name in sys.modules if name.startswith('flask_login.')])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, check=True
    )
    assert b"[]" == done.stdout.strip()
    assert b"" == done.stderr


# -- routes -------------------------------------------------------------------------


def test_rt_5_rules_have_one_normal_form(app, sent):
    """Blueprint prefixes, converters and their arguments become plain braces."""
    blueprint = flask.Blueprint("bp", __name__, url_prefix="/bp/<t>")

    @blueprint.get("/z/<int(min=1):id>/<path:rest>")
    def view(t, id, rest):  # noqa: A002 - a usual parameter
        return "<p>"

    app.register_blueprint(blueprint)
    browse(app, "/bp/shop/z/7/a/b")
    properties = sent[0]["properties"]
    assert "/bp/{t}/z/{id}/{rest}" == sent[0]["name"] == properties["route"]
    assert "bp.view" == properties["view"]


def test_rt_3_one_route_is_one_name(app, sent):
    """Many paths of one route make one name."""
    app.add_url_rule("/p/<slug>", "product", html)
    client = app.test_client()
    for number in range(20):
        browse(app, f"/p/{number}", client=client)
    assert 20 == len(sent)
    assert {"/p/{slug}"} == {one["name"] for one in sent}


def test_404_and_405_have_no_route(app, sent):
    """What matched nothing is tracked without a route, and is no page."""
    app.add_url_rule("/form", "form", html, methods=["POST"])
    seen = []

    @app.errorhandler(404)
    @app.errorhandler(405)
    def missing(error):
        seen.append(current().routing)
        return "<p>missing", error.code

    assert 404 == browse(app, "/nowhere").status_code
    assert 405 == browse(app, "/form").status_code
    assert [None, None] == [one.template for one in seen]
    assert [] == sent


def test_static_files_are_internal(sent):
    """The app's and a blueprint's static files are no pages, HTML or not."""
    app = flask.Flask("static", static_folder=".", static_url_path="/files")
    app.register_blueprint(
        flask.Blueprint("bp", __name__, static_folder=".", url_prefix="/bp")
    )
    analytics = Analytics("key", sink=sent)
    Segment(app, analytics)
    app.view_functions["static"] = app.view_functions["bp.static"] = html
    for path in ("/files/a.html", "/bp/./a.html", "/bp/tests/a.html"):
        browse(app, path)
    assert [] == sent
    assert {"excluded_view"} <= analytics.stats().pages.keys()


def test_marks_on_functions_classes_and_methods(app, sent):
    """`page_name` and `no_page` work wherever a view can carry them."""

    @app.get("/named")
    @page_name("Named")
    def named():
        return "<p>"

    @app.get("/hidden")
    @no_page
    def hidden():
        return "<p>"

    @page_name("Class")
    class Whole(MethodView):
        def get(self):
            return "<p>"

    class Part(MethodView):
        @page_name("Method")
        def get(self):
            return "<p>"

    app.add_url_rule("/class", view_func=Whole.as_view("whole"))
    app.add_url_rule("/method", view_func=Part.as_view("part"))
    for path in ("/named", "/hidden", "/class", "/method"):
        browse(app, path)
    assert ["Named", "Class", "Method"] == [one["name"] for one in sent]


def test_pv_1_secrets_are_masked_whatever_the_converter_makes_of_them(app, sent):
    """The path's own text is masked, also where the converter changes the value."""

    class Reversed(BaseConverter):
        def to_python(self, value):
            return value[::-1]

    app.url_map.converters["reversed"] = Reversed
    app.add_url_rule("/reset/<reversed:token>/", "reset", html)
    app.add_url_rule("/done/<int:code>", "done", html, methods=["POST"])
    browse(app, "/reset/abc-123/?email=a@b.c&utm_source=x")
    assert "/reset/***/" == sent[0]["properties"]["path"]
    assert "?utm_source=x" == sent[0]["properties"]["search"]
    for referrer in ("/reset/abc-123/", "/done/0042"):
        address = f"http://localhost{referrer}"
        browse(app, "/reset/xyz/", headers={"Referer": address})
    assert [
        "http://localhost/reset/***/",
        "http://localhost/done/***",
    ] == [one["properties"]["referrer"] for one in sent[1:]]
    assert not any(secret in repr(sent) for secret in ("abc-123", "0042", "a@b.c"))


def test_referrers_of_other_places_stay(app, sent, monkeypatch):
    """Unknown paths and other sites are left as they are; the cache is bounded."""
    monkeypatch.setattr("segment_integrations.flask.middleware._RESOLVED_MAX", 2)
    app.add_url_rule("/", "home", html)
    referrers = [f"http://localhost/nowhere/{number}" for number in range(4)]
    referrers += referrers[-1:]
    referrers += ["https://other.example/reset/abc"] * 2
    for referrer in referrers:
        browse(app, headers={"Referer": referrer})
    assert referrers == [one["properties"]["referrer"] for one in sent]
    assert len(app.extensions["segment"]._referrers) <= 2


def test_an_event_before_flask_begins_has_no_route(sent):
    """A WSGI layer between ours and Flask may track; the page has its route yet."""
    app = make_app()
    app.add_url_rule("/reset/<token>", "reset", html)
    inner = app.wsgi_app

    def layer(environ, start_response):
        assert current().info.native.path == environ["PATH_INFO"]
        track("Early", {"user": current().user_id})
        return inner(environ, start_response)

    app.wsgi_app = layer
    Segment(app, Analytics("key", sink=sent))
    referrer = {"Referer": "http://localhost/reset/abc"}
    browse(app, "/reset/abc", headers=referrer)
    assert ["Early", "page"] == sent.names()
    assert "/reset/***" == sent[1]["properties"]["path"]
    assert "http://localhost/reset/***" == sent[1]["properties"]["referrer"]


# -- the section on Flask -----------------------------------------------------------


@pytest.mark.parametrize("status", [401, 200])
def test_fl_1_an_earlier_before_request_that_answers(app, sent, status):
    """Its answer is an answer like any other: no page for 401, nothing left bound."""

    @app.before_request
    def gate():
        track("Seen")
        return "<p>", status

    app.add_url_rule("/", "home", lambda: "")
    assert status == browse(app).status_code
    assert (["Seen"] if status == 401 else ["Seen", "page"]) == sent.names()
    assert current() is None


def test_fl_2_copy_current_request_context(app, sent):
    """The thread has the request's identity, and the parent keeps it afterwards."""

    @app.get("/")
    def home():
        set_user("parent")

        @flask.copy_current_request_context
        def work():
            assert flask.request.path == "/"
            track("In Thread")

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        track("After")
        return "<p>"

    browse(app)
    assert ["In Thread", "After", "page"] == sent.names()
    assert ["parent"] * 3 == sent.users()


def test_fl_3_stream_with_context(app, sent, caplog):
    """Events in the body have the request's identity, the session's user included."""

    @app.get("/")
    def home():
        def parts():
            yield b"1"
            track("Streamed", {"path": flask.request.path})
            yield b"2"

        return flask.Response(flask.stream_with_context(parts()))

    client = app.test_client()
    sign_in(client, user_id=7)
    response = browse(app, client=client, buffered=False)
    assert b"12" == response.data
    response.close()
    assert ["page", "Streamed"] == sent.names()
    assert ["7", "7"] == sent.users()
    assert "/" == sent[1]["context"]["page"]["path"]
    assert current() is None
    assert [] == caplog.records


def test_fl_3_a_user_callable_in_a_stream_is_given_flasks_request(sent):
    """The `user` setting's callable sees the same request before and in the body."""
    seen = []

    def user(request):
        seen.append(request)
        return request.headers["X-User"]

    app = make_app(sent, user=user)

    @app.get("/")
    def home():
        def parts():
            track("Streamed")
            yield b"1"

        seen.append(flask.request._get_current_object())
        return flask.Response(flask.stream_with_context(parts()))

    browse(app, headers={"X-User": "jwt-1"})
    assert ["page", "Streamed"] == sent.names()
    assert ["jwt-1", "jwt-1"] == sent.users()
    assert 1 == len(set(map(id, seen)))


@pytest.mark.parametrize("settings", [{}, {"user": lambda request: request.path}])
def test_fl_4_a_plain_stream_sees_its_own_request_or_none(sent, settings):
    """Without our helper there is no holder; with it, it is the request's own."""
    app = make_app(sent, **settings)
    seen = []

    @app.get("/<kind>/<token>")
    def home(kind, token):
        def parts():
            seen.append(current())
            track("Streamed")
            yield b"1"

        return flask.Response(
            propagate(parts)() if kind == "propagated" else parts(),
            mimetype="text/plain",
        )

    client = app.test_client()
    sign_in(client, user_id=7)
    with bind(user_id="another request"):
        body = browse(app, "/propagated/x", client=client, buffered=False)
        assert b"1" == body.data
    seen.clear()
    assert b"1" == browse(app, "/plain/x", client=client).data
    assert [None] == seen
    (message,) = sent
    assert ("/propagated/x" if settings else "7") == message["userId"]
    assert "/propagated/***" == message["context"]["page"]["path"]


def test_fl_6_two_apps_in_a_dispatcher():
    """Each event goes to its own app's client, and paths include the script root."""
    first, second = Recorder(), Recorder()
    apps = [make_app(first, "first"), make_app(second, "second")]
    for app in apps:
        app.add_url_rule("/p/<slug>", "product", tracking)
    client = Client(DispatcherMiddleware(apps[0], {"/second": apps[1]}))
    client.set_cookie("ajs_anonymous_id", "anon-1")
    for path in ("/p/a", "/second/p/b"):
        client.get(path, headers=BROWSER_HEADERS)
    assert ["/p/a", "/p/a"] == [one["context"]["page"]["path"] for one in first]
    client.get(
        "/second/p/b",
        headers={**BROWSER_HEADERS, "Referer": "http://localhost/p/a"},
    )
    assert "http://localhost/p/a" == second.pop()["properties"]["referrer"]
    second.pop()
    assert ["/second/p/b"] * 2 == [one["context"]["page"]["path"] for one in second]
    assert "/p/{slug}" == second[1]["properties"]["route"]


def test_fl_6_a_dispatcher_inside_the_parents_middleware():
    """Where the parent's middleware passes the request on, the mounted app's wins."""
    first, second = Recorder(), Recorder()
    parent, child = make_app(), make_app(second, "child")
    child.add_url_rule("/reset/<token>", "reset", html)
    parent.wsgi_app = DispatcherMiddleware(parent.wsgi_app, {"/child": child})
    Segment(parent, Analytics("key", sink=first))
    browse(
        parent,
        "/child/reset/abc",
        headers={"Referer": "http://localhost/child/reset/def"},
    )
    assert [] == first
    (message,) = second
    assert "/child/reset/***" == message["properties"]["path"]
    assert "http://localhost/child/reset/***" == message["properties"]["referrer"]


def test_ctx_5_around_the_app_too(sent):
    """The plain WSGI middleware around a set-up app adds no page and hides no route."""
    analytics = Analytics("key", sink=sent)
    app = make_app()
    app.add_url_rule("/p/<slug>", "product", html)
    Segment(app, analytics)
    client = Client(wsgi.SegmentMiddleware(app, analytics))
    client.set_cookie("ajs_anonymous_id", "anon-1")
    client.get("/p/a", headers=BROWSER_HEADERS)
    assert ["/p/{slug}"] == [one["name"] for one in sent]


def test_ctx_5_a_view_that_passes_its_environ_on(app, sent):
    """An app called with the view's own environ takes part in the same request."""
    other_sent = Recorder()
    other = make_app(other_sent, "other")
    other.add_url_rule("/p/<slug>", "product", tracking)

    @app.get("/p/<path:rest>")
    def forward(rest):
        body, *_ = run_wsgi_app(other, flask.request.environ)
        return b"".join(body)

    browse(app, "/p/a")
    assert [] == other_sent
    assert ["Seen", "page"] == sent.names()
    assert "/p/{rest}" == sent[1]["name"]


def test_ctx_6_a_test_client_inside_a_view(app, sent):
    """A request made inside a request is another one, and the outer one is back."""

    @app.get("/inner")
    def inner():
        set_user("inner")
        return "<p>"

    @app.get("/")
    def home():
        set_user("outer")
        browse(app, "/inner")
        track("After")
        return "<p>"

    browse(app)
    assert ["page", "After", "page"] == sent.names()
    assert ["inner", "outer", "outer"] == sent.users()


def test_ctx_3_one_environ_for_two_requests(app, sent):
    """A dict used again brings no identity of the first request with it."""

    @app.get("/")
    def home():
        if flask.request.args:
            set_user("a")
        return "<p>"

    builder = EnvironBuilder(headers={**BROWSER_HEADERS, **COOKIE})
    environ = builder.get_environ()
    for query in ("login=1", ""):
        environ["QUERY_STRING"] = query
        start = [].append
        for _ in app.wsgi_app(environ, lambda *args, start=start: start(args)):
            pass
    assert ["a", None] == sent.users()
    assert wsgi.KEY not in environ


def test_fl_7_an_app_factory_called_twice(caplog):
    """Signals belong to one app: two apps made alike do not double their events."""
    sents = [Recorder(), Recorder()]
    apps = [make_app(sent, login=True) for sent in sents]
    for app in apps:

        @app.post("/login")
        def login():
            flask_login.login_user(User("9"))
            return ""

    apps[0].test_client().post("/login", headers=COOKIE)
    assert [["identify"], []] == [sent.names() for sent in sents]


def test_fl_7_an_app_is_not_kept_alive(sent):
    """Neither the extension nor a signal keeps a dropped app."""
    segment = Segment(analytics=Analytics("key", sink=sent))
    app = make_app(login=True)
    segment.init_app(app)
    app.add_url_rule("/", "home", html)
    browse(app)
    alive = weakref.ref(app)
    del app
    gc.collect()
    assert alive() is None


def test_rt_4_a_request_is_freed_without_the_collector(app, sent):
    """Nothing of ours forms a circle around a request that has ended."""
    requests = []

    @app.get("/")
    def home():
        flask.session["n"] = 1
        track("Seen")
        requests.append(weakref.ref(flask.request._get_current_object()))
        return "<p>"

    environ = EnvironBuilder(headers={**BROWSER_HEADERS, **COOKIE}).get_environ()
    app.wsgi_app(environ, lambda *_: None)
    gc.collect()
    requests.clear()
    gc.disable()
    try:
        environ = EnvironBuilder(headers={**BROWSER_HEADERS, **COOKIE}).get_environ()
        app.wsgi_app(environ, lambda *_: None).close()
        del environ
        assert requests[0]() is None
    finally:
        gc.enable()
    assert 4 == len(sent)


def test_outside_of_a_served_request_nothing_is_bound(app, sent):
    """Bare contexts, and a request of a test that is held open, are no error."""
    app.add_url_rule("/", "home", html)
    with app.test_request_context("/"):
        assert current() is None
        app.preprocess_request()
        assert 200 == app.full_dispatch_request().status_code
    with app.test_client() as client:
        browse(app, client=client)
        assert hasattr(flask.request, REQUEST_KEY)
        assert "page" == current().explain().reason or current().is_page_sent
    assert current() is None


# -- who is signed in ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("session", "settings", "user"),
    [
        ({"_user_id": "1", "user_id": 2}, {}, "1"),
        ({"user_id": 2}, {}, "2"),
        ({"uid": "3", "user_id": 2}, {"session_key": "uid"}, "3"),
        ({"user_id": 2}, {"session_key": "uid"}, None),
        ({"user_id": 2}, {"identity": "resolved"}, None),
        ({"user_id": 2}, {"user": lambda _: "jwt"}, "jwt"),
        ({"user_id": {"not": "an id"}}, {}, None),
        ({"else": 1}, {}, None),
    ],
)
def test_decision_8_the_sessions_user(sent, session, settings, user):
    """The session's user is known, by the documented keys and modes."""
    app = make_app(sent, **settings)
    app.add_url_rule("/", "home", html)
    client = app.test_client()
    sign_in(client, **session)
    response = browse(app, client=client)
    assert [user] == sent.users()
    assert "Vary" not in response.headers


def headers_of(response):
    # The session's signature holds the second in which it was made.
    return [
        (name, re.sub(r"(session=[^.;]+)[^;]*", r"\1", value))
        for name, value in response.headers
        if name != "Date"
    ]


@pytest.mark.parametrize("kind", ["plain", "session", "login"])
@pytest.mark.parametrize("is_cacheable", [True, False])
def test_pg_7_no_header_changes(sent, kind, is_cacheable):
    """The headers are those of the app without us: no Vary, no Set-Cookie."""
    answers = []
    for recorder in (None, sent):
        app = make_app(recorder, login=True)

        @app.get("/")
        def home():
            if kind == "session":
                flask.session["seen"] = 1
            if kind == "login":
                assert flask_login.current_user.is_authenticated
            track("Seen", {}, user_id=None)
            response = flask.make_response("<p>")
            if is_cacheable:
                response.headers["Cache-Control"] = "public, max-age=60"
            return response

        client = app.test_client()
        sign_in(client, _user_id="5")
        answers.append(headers_of(browse(app, client=client)))
    assert answers[0] == answers[1]
    assert ["Seen", "page"] == sent.names()
    assert ["5", "5"] == sent.users()


class ServerSession(dict, SessionMixin):
    """A session that counts what is read of it."""

    modified = False
    accessed = False
    reads = 0

    def get(self, key, default=None):
        self.accessed = self.modified = True
        ServerSession.reads += 1
        return super().get(key, default)


class ServerSessions(SecureCookieSessionInterface):
    def open_session(self, app, request):
        return ServerSession(user_id="8")

    def save_session(self, app, session, response):
        response.headers["X-Flags"] = f"{session.accessed} {session.modified}"


@pytest.mark.parametrize("is_sent", [True, False])
def test_decision_8_other_session_classes(sent, is_sent):
    """Flags are put back; without the session's cookie nothing is read at all."""
    app = make_app(sent)
    app.session_interface = ServerSessions()
    app.add_url_rule("/", "home", tracking)
    ServerSession.reads = 0
    client = app.test_client()
    if is_sent:
        client.set_cookie("session", "id")
    response = browse(app, client=client)
    assert "False False" == response.headers["X-Flags"]
    assert ["8" if is_sent else None] * 2 == sent.users()
    assert (ServerSession.reads > 0) is is_sent


def test_a_login_in_the_view_by_the_session_counts_at_once(app, sent):
    """An own login that writes the session is seen by the next event; logout too."""

    @app.get("/login")
    def login():
        track("Before")
        flask.session["user_id"] = 4
        track("After")
        return "<p>"

    @app.get("/logout")
    def logout():
        track("Before")
        flask.session.clear()
        track("After")
        return "<p>"

    client = app.test_client()
    browse(app, "/login", client=client)
    browse(app, "/logout", client=client)
    assert [None, "4", "4"] == sent.users()[:3]
    assert ["4", None, None] == sent.users()[3:]


def test_what_is_kept_of_a_rule_is_not_another_views(app, sent):
    """A view that takes another's place brings its own marks."""
    first = page_name("Item")(lambda item: f"<p>{item}")
    app.add_url_rule("/items/<item>", "item", first)
    browse(app, "/items/1")
    app.view_functions["item"] = page_name("Other")(lambda item: f"<p>{item}")
    browse(app, "/items/2")
    assert ["Item", "Other"] == [one["name"] for one in sent]
    assert ["/items/1", "/items/2"] == [one["properties"]["path"] for one in sent]


def test_rule_5_a_flask_without_the_session_that_we_know(app):
    """Where Flask keeps the session elsewhere, nobody is found and nothing raised."""
    visit = app.extensions["segment"]._visit({})
    with app.test_request_context("/"):
        request = flask.request._get_current_object()
        running = SimpleNamespace(request=request, url_adapter=None)
        visit.begin(object(), running)
        assert visit.detect() is None


def test_the_eager_mode_without_flask_login(sent):
    """An app without a login manager is served as in the session mode."""
    app = make_app(sent, identity="eager")
    app.add_url_rule("/", "home", html)
    client = app.test_client()
    sign_in(client, user_id=7)
    browse(app, client=client)
    assert ["7"] == sent.users()


def test_without_a_secret_key_there_is_no_session(sent):
    """An app that has no sessions is served like any other."""
    app = make_app(sent)
    app.secret_key = None
    app.add_url_rule("/", "home", html)
    browse(app)
    assert [None] == sent.users()


def test_decision_8_identity_in_propagated_threads(app, sent):
    """A thread without Flask's context knows the session's user and the route."""

    @app.get("/reset/<token>")
    def reset(token):
        thread = threading.Thread(target=propagate(lambda: track("In Thread")))
        thread.start()
        thread.join()
        return "<p>"

    client = app.test_client()
    sign_in(client, user_id=7)
    browse(app, "/reset/abc", client=client)
    assert ["In Thread", "page"] == sent.names()
    assert ["7", "7"] == sent.users()
    assert "/reset/***" == sent[0]["context"]["page"]["path"]


# -- Flask-Login --------------------------------------------------------------------


def login_app(sent, **settings):
    app = make_app(sent, login=True, **settings)

    @app.get("/login/<user_id>")
    def login(user_id):
        track("Before")
        flask_login.login_user(User(user_id), remember="remember" in flask.request.args)
        track("Signed In")
        return "<p>"

    @app.get("/logout")
    def logout():
        flask_login.logout_user()
        track("After")
        return "<p>"

    app.add_url_rule("/", "home", html)
    app.add_url_rule(
        "/me", "me", lambda: f"<p>{flask_login.current_user.is_authenticated}"
    )
    return app


@pytest.mark.parametrize("identity", ["session", "resolved", "eager"])
def test_fl_5_dj_5_login_in_the_view(sent, identity):
    """Login identifies with the previous anonymous id; page and later events follow."""
    app = login_app(sent, identity=identity)
    browse(app, "/login/9")
    assert ["Before", "identify", "Signed In", "page"] == sent.names()
    assert [None, "9", "9", "9"] == sent.users()
    assert {"anon-1"} == {one["anonymousId"] for one in sent}
    assert [] == loaded


@pytest.mark.parametrize("identity", ["session", "resolved", "eager"])
@pytest.mark.parametrize("is_explicit", [True, False])
def test_fl_5_dj_6_logout_in_the_view(sent, identity, is_explicit):
    """What the signal's receivers send is still the user's, what comes after is not."""
    app = login_app(sent, identity=identity)

    @app.before_request
    def told():
        if is_explicit and flask.request.path == "/logout":
            identify("9", {"plan": "pro"})

    client = app.test_client()
    browse(app, "/login/9", client=client)
    sent.clear()

    def left(sender, user):
        # Receivers come in any order: this is the one in which ours was first.
        app.extensions["segment"]._logged_out(sender, user)
        track("Signed Out")

    flask_login.user_logged_out.connect(left, app)
    browse(app, "/logout", client=client)
    start = ["identify"] if is_explicit else []
    assert [*start, "Signed Out", "After", "page"] == sent.names()
    assert [*["9" for _ in start], "9", None, None] == sent.users()
    sent.clear()
    browse(app, "/me", client=client)
    assert [None] == sent.users()


def test_fl_5_logout_by_a_view_of_nobody(sent):
    """A logout without a user is nothing."""
    app = login_app(sent)
    browse(app, "/logout")
    assert [None, None] == sent.users()


def test_dj_6_logout_in_a_copied_context(sent):
    """A thread with a `g` of its own signs the request's user out."""
    app = login_app(sent)

    @app.get("/threaded")
    def threaded():
        work = flask.copy_current_request_context(flask_login.logout_user)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return "<p>"

    client = app.test_client()
    sign_in(client, _user_id="9")
    browse(app, "/threaded", client=client)
    assert ["9"] == loaded
    assert [None] == sent.users()


def test_login_and_logout_in_a_stream_are_too_late(sent):
    """What a body does to the user changes nothing any more, and raises nothing."""
    app = login_app(sent)

    @app.get("/stream")
    def stream():
        def parts():
            flask_login.logout_user()
            track("Streamed")
            yield b"1"

        return flask.Response(flask.stream_with_context(parts()))

    client = app.test_client()
    sign_in(client, _user_id="9")
    assert b"1" == browse(app, "/stream", client=client).data
    assert ["9", "9"] == sent.users()


def test_login_and_logout_rotate_an_anonymous_id_of_ours(sent):
    """Another person on the same browser gets another history."""
    app = login_app(sent, anonymous_cookie=True)
    client = app.test_client()

    def ids(path, cookie=None):
        sent.clear()
        browse(app, path, cookie=cookie, client=client)
        return [one["anonymousId"] for one in sent]

    assert ["anon-1"] == ids("/", "ajs_anonymous_id=anon-1")
    assert ["anon-1"] * 4 == ids("/login/a")
    first = ids("/login/b")
    assert ["anon-1", first[1], first[1], first[1]] == first
    assert "anon-1" != first[1]
    assert [first[1]] == ids("/")
    second = ids("/logout")
    assert {first[1]}.isdisjoint(second)
    assert ids("/") == [second[-1]]


def test_a_logout_that_is_no_event_rotates_the_anonymous_id_too(sent):
    """Nobody asks who is signed in after it, yet the next visitor is a new one."""
    app = login_app(sent, anonymous_cookie=True)

    @app.get("/leave")
    def leave():
        flask_login.logout_user()
        return flask.redirect("/")

    client = app.test_client()
    browse(app, "/login/a", cookie="ajs_anonymous_id=anon-1", client=client)
    response = browse(app, "/leave", cookie=None, client=client)
    assert "ajs_anonymous_id=" in "".join(response.headers.getlist("Set-Cookie"))
    sent.clear()
    browse(app, "/", cookie=None, client=client)
    assert "anon-1" not in [one["anonymousId"] for one in sent]


def test_fl_5_a_remembered_user(sent):
    """The remember-me cookie signs in without an identify."""
    app = login_app(sent)
    client = app.test_client()
    browse(app, "/login/9?remember=1", client=client)
    client.delete_cookie("session")
    sent.clear()
    browse(app, "/me", client=client)
    assert ["page"] == sent.names()
    assert ["9"] == sent.users()


def test_dj_1_the_resolved_mode_looks_at_nothing_by_itself(sent):
    """A view that never touches the user makes an anonymous page, and loads nobody."""
    app = login_app(sent, identity="resolved")
    client = app.test_client()
    sign_in(client, _user_id="9")
    browse(app, "/", client=client)
    assert [None] == sent.users()
    assert [] == loaded
    browse(app, "/me", client=client)
    assert [None, "9"] == sent.users()


def test_the_eager_mode_loads_the_user(sent):
    """A user whom only the loader knows is found, once a request."""
    app = login_app(sent, identity="eager")

    @app.login_manager.request_loader
    def of_request(request):
        loaded.append("request")
        return User("token")

    browse(app)
    assert ["token"] == sent.users()
    assert ["request"] == loaded


def test_a_user_of_an_earlier_request_is_not_taken_over(sent):
    """Tests that hold one app context open share `g`, but not our identity."""
    app = login_app(sent)
    client = app.test_client()
    sign_in(client, _user_id="9")
    with app.app_context():
        browse(app, "/me", client=client)
        browse(app, "/")
    assert ["9", None] == sent.users()


def test_dj_7_a_login_outside_of_a_served_request(sent):
    """Login and logout in a bare context send nothing and raise nothing."""
    app = login_app(sent)
    browse(app)  # so that the signals are connected
    sent.clear()
    with app.test_request_context():
        flask_login.login_user(User("9"))
        flask_login.logout_user()
    assert [] == sent


def test_the_user_setting_wins_over_a_login(sent):
    """What the setting's callable says is what the identify carries."""
    app = login_app(sent, user=lambda _: "own")
    browse(app, "/login/9")
    assert ["own"] * 4 == sent.users()
    assert "identify" in sent.names()


def test_rule_1_a_broken_user_class_breaks_no_request(sent, caplog):
    """A user without an id leaves the request anonymous, and is logged once."""
    app = login_app(sent)

    class Broken(User):
        def get_id(self):
            raise KeyError("id")

    @app.get("/broken")
    def broken():
        flask.g._login_user = Broken("1")
        return "<p>"

    assert 200 == browse(app, "/broken").status_code
    assert [None] == sent.users()
    assert caplog.records


# -- the rest -----------------------------------------------------------------------


def test_async_views(app, sent):
    """An async view sees the holder, and what it sets is seen outside."""
    pytest.importorskip("asgiref")

    @app.get("/")
    async def home():
        set_user("async")
        track("Seen")
        return "<p>"

    browse(app)
    assert ["Seen", "page"] == sent.names()
    assert ["async", "async"] == sent.users()


@pytest.mark.parametrize("is_testing", [True, False])
def test_exceptions_of_views(app, sent, is_testing):
    """The same exception comes out under TESTING, else Flask's 500; no page."""
    error = KeyError("view")

    @app.get("/")
    def home():
        set_user("x")
        raise error

    app.testing = is_testing
    app.logger.disabled = True
    if is_testing:
        with pytest.raises(KeyError) as caught:
            browse(app)
        assert caught.value is error
    else:
        assert 500 == browse(app).status_code
    assert [] == sent
    assert current() is None


@pytest.mark.parametrize("is_inside", [True, False])
def test_proxy_fix_inside_or_outside(sent, is_inside):
    """Scheme, host, client and prefix are those that ProxyFix found."""
    app = make_app()
    app.add_url_rule("/p", "p", html)
    segment = Segment(analytics=Analytics("key", sink=sent))
    for step in (0, 1):
        if (step == 0) is is_inside:
            app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_host=1, x_prefix=1)
        else:
            segment.init_app(app)
    headers = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "shop.example",
        "X-Forwarded-Prefix": "/shop",
    }
    browse(app, "/p", headers=headers)
    assert "https://shop.example/shop/p" == sent[0]["properties"]["url"]
    assert "203.0.113.9" == sent[0]["context"]["ip"]


def test_rule_2_the_body_is_flasks_own(app):
    """The iterable that leaves the app is not wrapped once more."""
    app.add_url_rule("/", "home", html)
    environ = EnvironBuilder().get_environ()
    body, status, _ = run_wsgi_app(app, environ)
    assert "200 OK" == status
    assert b"<p>" == b"".join(body)


def test_anonymous_cookie(sent):
    """A new visitor's page carries the id that the response sets."""
    app = make_app(sent, anonymous_cookie=True)
    app.add_url_rule("/", "home", html)
    client = app.test_client()
    response = browse(app, cookie=None, client=client)
    assert sent[0]["anonymousId"] in response.headers["Set-Cookie"]
    browse(app, cookie=None, client=client)
    assert sent[0]["anonymousId"] == sent[1]["anonymousId"]
