"""
What Flask and Flask-Login know of the running request.

Flask has no public way to look at a session without marking it as used, nor
Flask-Login one to ask who is loaded already. What is read of their internals is in
this file, and degrades to "absent".
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import flask
from flask.sessions import SecureCookieSession

from segment_integrations.core import lifecycle
from segment_integrations.core.request import UNROUTED, Routing
from segment_integrations.pallets import marked, routed, unmarked
from segment_integrations.wsgi import KEY, Exchange, Hooks

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIEnvironment

    from werkzeug.routing import MapAdapter, Rule

    from segment_integrations.core.calls import Id
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


@dataclass(slots=True)
class _Running:
    """What there is while Flask serves the request; threads do not see it by Flask."""

    exchange: Exchange
    flask: Any
    g: Any
    stale: object
    leaving: object = None


class FlaskHooks(Hooks):
    """What Flask knows of one request, also in threads and streamed bodies."""

    def __init__(self, middleware: FlaskMiddleware, environ: WSGIEnvironment) -> None:
        super().__init__(environ)
        self.middleware = middleware
        self.settings = middleware.analytics.settings
        self.before: Any = None
        self._now: _Running | None = None
        self._matched: tuple[Rule | None, Any, str, str] | None = None
        self._routing: Routing = UNROUTED
        self._adapter: MapAdapter | None = None
        self._user: object = None

    def is_for(self, middleware: FlaskMiddleware) -> bool:
        """True where the app of *middleware* is the one that is about to begin."""
        return self.middleware is middleware and not self.is_claimed

    def begin(self, exchange: Exchange, running: Any) -> None:
        """Flask has opened the session and matched the request."""
        self.is_claimed = True
        g = flask.g._get_current_object()  # noqa: SLF001 - a proxy's way
        # Left by an earlier request, where a test holds one app context open.
        stale = g.get("_login_user")
        self._now = _Running(exchange, running, g, stale)
        self._adapter = running.url_adapter
        request = running.request
        self._matched = (
            request.url_rule,
            request.view_args,
            request.path,
            request.method,
        )
        self.environ = request.environ  # a layer between may have made a copy
        # A proxy middleware inside ours may have found a prefix.
        exchange.info.path = request.root_path + request.path
        if self.settings.anonymous_cookie:
            self.before = self.detect()

    def settle(self) -> None:
        """See a logout through that no event has asked about."""
        if self._now is not None and self._now.leaving is not None:
            self.detect()

    def end(self) -> None:
        """Keep the answers, and no more: Flask's objects would form a circle."""
        try:
            if self._now is not None:
                self._now.exchange.context.release()  # no response may have started
            self._user = self.detect()
        finally:
            self._now = None
            self.environ.pop(KEY, None)

    def native(self) -> object:
        """Flask's request; once it is gone, another one of the same environ."""
        now = self._now
        if now is not None:
            return now.flask.request
        running = running_context()
        if running is not None and running.request.environ is self.environ:
            return running.request  # in a body made by stream_with_context
        make = self.middleware.flask_app.request_class
        return make(self.environ, populate_request=False)

    def routing(self) -> Routing:
        """Where Flask routed the request."""
        if self._routing is UNROUTED and self._matched is not None:
            rule, args, path, method = self._matched
            if rule is None:
                self._routing = Routing()
            else:
                views = self.middleware.flask_app.view_functions
                view = marked(views.get(rule.endpoint), method)
                self._routing = routed(rule, args or {}, path, view)
        return self._routing

    def resolve(self, path: str) -> Routing | None:
        """Route another path of this app."""
        if self._adapter is None:
            return None
        return self.middleware.resolve(self._adapter, path)

    def detect(self) -> object:
        """Tell who is signed in, without marking the session as used."""
        now = self._now
        if now is None:
            return self._user
        loaded = now.g.get("_login_user")
        if now.leaving is not None:
            if loaded is now.leaving:
                return self.id_of(loaded)
            now.leaving = None
            now.exchange.context.sign_out()
            return None
        if (
            loaded is None
            and self.settings.identity == "eager"
            and running_context() is now.flask
        ):
            loaded = self._load()
        if loaded is not None and loaded is not now.stale:
            return self.id_of(loaded)
        return None if self.settings.identity == "resolved" else self._in_session(now)

    def leave(self, user: object) -> None:
        """
        *user* logs out.

        Flask-Login sends the signal while the user is still loaded, so that what other
        receivers send is still the user's; the next event finds somebody else.
        """
        now = self._now
        if now is None or not getattr(user, "is_authenticated", False):
            return
        self._announce_logout(now, user)
        if now.g.get("_login_user") is user:
            now.leaving = user
            now.exchange.context.ask_again()
        else:
            now.exchange.context.sign_out()

    def _announce_logout(self, now: _Running, user: Any) -> None:
        analytics = self.middleware.analytics
        if not analytics.settings.auth_events:
            return
        traits = lifecycle.traits_of(user, analytics)
        lifecycle.left(
            analytics,
            now.exchange.context,
            now.exchange.context.user_id,
            properties=lifecycle.properties_of(lifecycle.SIGNED_OUT, traits),
        )

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

    def _in_session(self, now: _Running) -> object:
        state = vars(now.flask)  # Flask's property marks it as used, since 3.1.3
        session = state.get("_session", state.get("session"))
        if session is None:
            return None
        app = self.middleware.flask_app
        name = app.session_interface.get_cookie_name(app)
        if not session.modified and name not in now.exchange.info.cookies:
            return None
        key = self.settings.session_key
        keys = SESSION_KEYS if key is None else (key,)
        if isinstance(session, SecureCookieSession):
            values = [dict.get(session, one) for one in keys]
        else:
            values = unmarked(session, keys)
        return next((one for one in values if one is not None), None)
