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
from flask.sessions import NullSession, SecureCookieSession

from segment_integrations.core import lifecycle
from segment_integrations.core.identity import NONE_WAIT
from segment_integrations.core.request import UNROUTED, Routing
from segment_integrations.pallets import unmarked
from segment_integrations.wsgi import ANALYTICS_KEY, KEY, Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.routing import MapAdapter

    from segment_integrations.core.calls import Id
    from segment_integrations.flask.middleware import FlaskMiddleware
    from segment_integrations.pallets import Matched
    from segment_integrations.wsgi import Exchange

REQUEST_KEY: Final = "segment_integrations_exchange"
"""The attribute of Flask's request that leads a streamed body to its holder."""

_NOWHERE: Final = Routing()

SESSION_KEYS: Final = ("_user_id", "user_id")
"""Flask-Login's key, and the one of Flask's own tutorial."""

_PLAIN: Final = frozenset({SecureCookieSession, NullSession})
"""Flask's own sessions, which are dicts: looking at those leaves no trace."""

_GLOBALS: Final = vars(flask.globals)
_APP: Final[Any] = _GLOBALS["_cv_app"]
# Since Flask 3.2 there is one context variable instead of two.
RUNNING: Final[Any] = _GLOBALS.get("_cv_request") or _APP
"""Flask's own variable with the context of the running request."""


def running_context() -> Any:
    """Flask's own context of the running request, or None."""
    return RUNNING.get(None) if flask.has_request_context() else None


class FlaskVisit(Visit):
    """
    What Flask knows of one request, also in threads and streamed bodies.

    Each app's middleware has a class of its own, so that making one is a single step.
    """

    middleware: FlaskMiddleware
    """The one of the app that serves the request."""

    # Defaults on the class: most requests set few of them.
    before: Any = None
    """Under `anonymous_cookie`, who was signed in when the request began."""
    _exchange: Exchange | None = None
    _flask: Any = None
    """Flask's context, as long as Flask serves: threads do not see it by Flask."""
    _g: Any = None
    _session: Any = None
    """None where Flask keeps it elsewhere than we know."""
    _stale: object = None
    _leaving: object = None
    _matched: Matched | None = None
    _adapter: MapAdapter | None = None
    _routing: Routing = UNROUTED
    _user: object = None
    """Who was signed in when the request ended."""

    def begin(self, exchange: Exchange, running: Any) -> None:
        """Flask has opened the session and matched the request."""
        self.is_claimed = True
        self._exchange = exchange
        self._flask = running
        self._adapter = running.url_adapter
        self._g = _APP.get().g
        # Flask's property marks the session as used, since 3.1.3.
        state = vars(running)
        self._session = state.get("_session", state.get("session"))
        middleware = self.middleware
        if "flask_login" in sys.modules:
            middleware.connect_login()
            # Left by an earlier request, where a test holds one app context open.
            self._stale = self._g.get("_login_user")
        request = running.request
        rule = request.url_rule
        if rule is None:
            self._routing = _NOWHERE
        else:
            args = request.view_args
            self._matched = (rule, args, request.path, request.method)
        self._environ = request.environ  # a layer between may have made a copy
        # A proxy middleware inside ours may have found a prefix.
        self.path = request.root_path + request.path
        if middleware.analytics.settings.anonymous_cookie:
            self.before = self.detect()
        # Not in the environ, which would form a circle with it.
        setattr(request, REQUEST_KEY, exchange)

    def settle(self) -> None:
        """See a logout through that no event has asked about."""
        if self._leaving is not None:
            self.detect()

    def end(self) -> None:
        """Keep the answers, and no more: Flask's objects would form a circle."""
        exchange = self._exchange
        if exchange is None:
            return
        try:
            if exchange.waiting is not NONE_WAIT:
                exchange.release()  # no response may have started
            session = self._session
            # Most requests are nobody's, which is cheaper to see than to ask.
            if type(session) not in _PLAIN or session or "flask_login" in sys.modules:
                self._user = self.detect()
        finally:
            self._exchange = self._flask = self._g = None
            self._session = self._stale = None
            self._environ.pop(KEY, None)
            self._environ[ANALYTICS_KEY] = exchange.analytics

    @property
    def native(self) -> object:
        """Flask's request; once it is gone, another one of the same environ."""
        running = self._flask
        if running is not None:
            return running.request
        running = running_context()
        if running is not None and running.request.environ is self._environ:
            return running.request  # in a body made by stream_with_context
        make = self.middleware.flask_app.request_class
        return make(self._environ, populate_request=False)

    def routing(self) -> Routing:
        """Where Flask routed the request."""
        matched = self._matched
        if self._routing is UNROUTED and matched is not None:
            middleware = self.middleware
            view = middleware.flask_app.view_functions.get(matched[0].endpoint)
            self._routing = middleware.known.of(matched, view)
        return self._routing

    def resolve(self, path: str) -> Routing | None:
        """Route another path of this app."""
        if self._adapter is None:
            return None
        return self.middleware.resolve(self._adapter, path)

    def detect(self) -> object:
        """Tell who is signed in, without marking the session as used."""
        # Another thread may ask at the very moment in which the request ends.
        exchange, running = self._exchange, self._flask
        g, session = self._g, self._session
        if exchange is None or running is None or g is None:
            return self._user
        identity = self.middleware.analytics.settings.identity
        if "flask_login" in sys.modules:
            loaded = g.get("_login_user")
            leaving = self._leaving
            if leaving is not None:
                if loaded is leaving:
                    return self.id_of(loaded)
                self._leaving = None
                exchange.sign_out()
                return None
            if loaded is None and identity == "eager" and running_context() is running:
                loaded = self._load()
            if loaded is not None and loaded is not self._stale:
                return self.id_of(loaded)
        if identity == "resolved" or session is None:
            return None
        if type(session) in _PLAIN and not session:
            return None
        return self._in_session(session)

    def leave(self, user: object) -> None:
        """
        *user* logs out.

        Flask-Login sends the signal while the user is still loaded, so that what other
        receivers send is still the user's; the next event finds somebody else.
        """
        exchange, g = self._exchange, self._g
        if (
            exchange is None
            or g is None
            or not getattr(user, "is_authenticated", False)
        ):
            return
        self._announce_logout(exchange, user)
        if g.get("_login_user") is user:
            self._leaving = user
            exchange.ask_again()
        else:
            exchange.sign_out()

    def _announce_logout(self, exchange: Exchange, user: Any) -> None:
        analytics = self.middleware.analytics
        if not analytics.settings.auth_events:
            return
        traits = lifecycle.traits_of(user, analytics)
        lifecycle.left(
            analytics,
            exchange,
            exchange.user_id,
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

    def _in_session(self, session: Any) -> object:
        key = self.middleware.analytics.settings.session_key
        keys = SESSION_KEYS if key is None else (key,)
        values: list[object]
        if isinstance(session, SecureCookieSession):
            values = [dict.get(session, one) for one in keys]  # sets no mark of use
        else:
            app = self.middleware.flask_app
            name = app.session_interface.get_cookie_name(app)
            if not session.modified and self.cookie(name) is None:
                return None
            values = unmarked(session, keys)
        return next((one for one in values if one is not None), None)
