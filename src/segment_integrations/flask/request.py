"""
What Flask and Flask-Login know of the running request.

Flask has no public way to look at a session without marking it as used, nor
Flask-Login one to ask who is loaded already. What is read of their internals is in
this file, and degrades to "absent".
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import flask
from flask.sessions import SecureCookieSession

from segment_integrations.core.request import UNROUTED, Routing
from segment_integrations.flask.routing import marked, routed
from segment_integrations.wsgi import Hooks

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIEnvironment

    from werkzeug.routing import MapAdapter

    from segment_integrations.core.calls import Id
    from segment_integrations.core.current import RequestContext
    from segment_integrations.flask.middleware import FlaskMiddleware

SESSION_KEYS: Final = ("_user_id", "user_id")
"""Flask-Login's key, and the one of Flask's own tutorial."""

# Since Flask 3.2 there is one context variable instead of two.
_RUNNING: Final[Any] = (
    vars(flask.globals).get("_cv_request") or vars(flask.globals)["_cv_app"]
)


def running_context() -> Any:
    """Flask's own context of the running request, or None."""
    return _RUNNING.get(None) if flask.has_request_context() else None


class FlaskHooks(Hooks):
    """What Flask knows of one request, also in threads and streamed bodies."""

    def __init__(self, middleware: FlaskMiddleware, environ: WSGIEnvironment) -> None:
        super().__init__(environ)
        self.middleware = middleware
        self.settings = middleware.analytics.settings
        self.before: object = None
        self._context: RequestContext | None = None
        self._running: Any = None
        self._g: Any = None
        self._stale: object = None
        self._leaving: object = None
        self._routing: Routing = UNROUTED
        self._adapter: MapAdapter | None = None
        self._user: object = None

    def begin(self, context: RequestContext, running: Any) -> None:
        """Flask's own context is there: note it, for threads do not see it."""
        self.is_claimed = True
        self._context = context
        self._running = running
        self._adapter = running.url_adapter
        self._g = flask.g._get_current_object()  # noqa: SLF001 - a proxy's way
        # Left by an earlier request, where a test holds one app context open.
        self._stale = self._g.get("_login_user")
        request = running.request
        if context.info is not None:
            # A proxy middleware inside ours may have found a prefix.
            context.info.path = request.root_path + request.path
        if self.settings.anonymous_cookie:
            self.before = self.detect()

    def end(self) -> None:
        """Keep the answers, and no more: Flask's objects would form a circle."""
        try:
            self._user = self.detect()
            self.routing()
        finally:
            self._running = self._g = self._leaving = self._stale = None

    def native(self) -> object:
        """Flask's request; once it is gone, another one of the same environ."""
        if self._running is not None:
            return self._running.request
        running = running_context()
        if running is not None and running.request.environ is self.environ:
            return running.request  # in a body made by stream_with_context
        make = self.middleware.flask_app.request_class
        return make(self.environ, populate_request=False)

    def routing(self) -> Routing:
        """Where Flask routed the request."""
        if self._routing is UNROUTED and self._running is not None:
            request = self._running.request
            rule = request.url_rule
            if rule is None:
                self._routing = Routing()
            else:
                view = self.middleware.flask_app.view_functions.get(rule.endpoint)
                self._routing = routed(
                    rule,
                    request.view_args or {},
                    request.path,
                    marked(view, request.method),
                )
        return self._routing

    def resolve(self, path: str) -> Routing | None:
        """Route another path of this app."""
        if self._adapter is None:
            return None
        return self.middleware.resolve(self._adapter, path)

    def detect(self) -> object:
        """Tell who is signed in, without marking the session as used."""
        if self._running is None:
            return self._user
        loaded = self._g.get("_login_user")
        if self._leaving is not None:
            if loaded is self._leaving:
                return self.id_of(loaded)
            self._leaving = None
            assert self._context is not None  # noqa: S101 - set with _running
            self._context.sign_out()
            return None
        if (
            loaded is None
            and self.settings.identity == "eager"
            and running_context() is self._running
        ):
            loaded = self._load()
        if loaded is not None and loaded is not self._stale:
            return self.id_of(loaded)
        return self._in_session() if self.settings.identity != "resolved" else None

    def leave(self, user: object) -> None:
        """
        *user* logs out.

        Flask-Login sends the signal while the user is still loaded, so that what other
        receivers send is still the user's; the next event finds somebody else.
        """
        assert self._context is not None  # noqa: S101 - set in begin
        if self._g is not None and self._g.get("_login_user") is user:
            self._leaving = user
            self._context.ask_again()
        else:
            self._context.sign_out()

    def id_of(self, user: Any) -> Id | None:
        """Flask-Login's id of *user*; None for an anonymous one."""
        if not getattr(user, "is_authenticated", False):
            return None
        manager = getattr(self.middleware.flask_app, "login_manager", None)
        get_id: Callable[[], Id | None] = getattr(
            user, getattr(manager, "id_attribute", "get_id")
        )
        return get_id()

    def _load(self) -> object:
        """Let Flask-Login load the user, as `current_user` would."""
        login = sys.modules.get("flask_login")
        if login is None or not hasattr(self.middleware.flask_app, "login_manager"):
            return None
        return login.current_user._get_current_object()  # noqa: SLF001 - a proxy's way

    def _in_session(self) -> object:
        state = vars(self._running)  # Flask's property marks it as used, since 3.1.3
        session = state.get("_session", state.get("session"))
        if session is None:
            return None
        app = self.middleware.flask_app
        assert self._context is not None  # noqa: S101 - set with _running
        assert self._context.info is not None  # noqa: S101 - a request's has one
        name = app.session_interface.get_cookie_name(app)
        if not session.modified and name not in self._context.info.cookies:
            return None
        key = self.settings.session_key
        keys = SESSION_KEYS if key is None else (key,)
        if isinstance(session, SecureCookieSession):
            values = [dict.get(session, one) for one in keys]
        else:
            accessed, modified = session.accessed, session.modified
            try:
                values = [session.get(one) for one in keys]
            finally:
                if session.accessed != accessed:
                    session.accessed = accessed
                if session.modified != modified:
                    session.modified = modified
        return next((one for one in values if one is not None), None)
