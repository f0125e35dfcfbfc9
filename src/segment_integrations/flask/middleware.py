"""The middleware around one Flask app, and the signals of that app."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import flask

from segment_integrations.core import events, lifecycle
from segment_integrations.core.current import fallbacks
from segment_integrations.flask.request import (
    REQUEST_KEY,
    RUNNING,
    FlaskVisit,
    running_context,
)
from segment_integrations.pallets import Known, resolved
from segment_integrations.wsgi import KEY, Exchange, SegmentMiddleware

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

    from flask import Flask
    from werkzeug.routing import MapAdapter

    from segment_integrations.client import Analytics
    from segment_integrations.core.calls import Id
    from segment_integrations.core.current import RequestContext
    from segment_integrations.core.request import Routing

_RESOLVED_MAX: Final = 1_024


class FlaskMiddleware(SegmentMiddleware):
    """What belongs to one app: the middleware around it, and its signals."""

    def __init__(self, app: Flask, analytics: Analytics) -> None:
        super().__init__(app.wsgi_app, analytics)
        self.flask_app = app
        self.known = Known()
        self._visit = type("AppVisit", (FlaskVisit,), {"middleware": self})
        self._knows_login = False
        self._referrers: dict[object, Routing | None] = {}

    def _join(self, exchange: Exchange, environ: WSGIEnvironment) -> None:
        if not exchange.info.is_claimed:
            # The outer one only passed the request on: its routes are elsewhere.
            exchange.hand_over(self.analytics, self._visit(environ))

    def connect_login(self) -> None:
        """Listen to Flask-Login, if the app has imported it; never import it."""
        signals = sys.modules.get("flask_login.signals")
        if self._knows_login or signals is None:
            return
        self._knows_login = True
        app = self.flask_app
        # The signals hold their receivers weakly: they end with the app.
        signals.user_logged_in.connect(self._logged_in, app)
        signals.user_logged_out.connect(self._logged_out, app)
        signals.user_loaded_from_cookie.connect(self._remembered, app)

    def _logged_in(self, _app: object, user: object, **_: object) -> None:
        self._take_over(user, identifies=True)

    def _remembered(self, _app: object, user: object, **_: object) -> None:
        self._take_over(user, identifies=False)

    def _take_over(self, user: object, *, identifies: bool) -> None:
        """From here on, the request is *user*'s."""
        exchange = _exchange()
        if exchange is None or not isinstance(exchange.info, FlaskVisit):
            return
        visit = exchange.info
        with self.analytics.throttle.guard("login"):
            if self.analytics.settings.user is not None:
                user_id: Id | None = exchange.user_id  # the setting wins
            else:
                user_id = visit.id_of(user)
                if visit.before is not None:
                    exchange.set_user(visit.before)  # so that a change is seen as one
                exchange.set_user(user_id)
            if identifies:
                self._announce(exchange, user, user_id)

    def _announce(
        self, context: RequestContext, user: object, user_id: Id | None
    ) -> None:
        known = events.identifier(user_id, "user_id")
        if known is None:
            return
        traits = lifecycle.traits_of(user, self.analytics)
        # The view may have traits to add to the identify.
        with context.holding():
            lifecycle.entered(
                self.analytics,
                context,
                lifecycle.SIGNED_IN,
                known,
                traits=traits,
                properties=lifecycle.properties_of(lifecycle.SIGNED_IN, traits),
            )

    def _logged_out(self, _app: object, user: object, **_: object) -> None:
        exchange = _exchange()
        if exchange is None or not isinstance(exchange.info, FlaskVisit):
            return
        with self.analytics.throttle.guard("logout"):
            exchange.info.leave(user)

    def resolve(self, adapter: MapAdapter, path: str) -> Routing | None:
        """Route a *path* of this app, bounded in memory."""
        key = (adapter.server_name, adapter.subdomain, adapter.script_name, path)
        if key not in self._referrers:
            if len(self._referrers) >= _RESOLVED_MAX:
                self._referrers.clear()
            self._referrers[key] = resolved(adapter, path)
        return self._referrers[key]


def _started(app: Any, **_: object) -> None:
    """Flask has matched a request of *app*."""
    try:
        running = RUNNING.get()
        exchange = running.request.environ.get(KEY)
        # A bare context has none, and one passed on by a view is another app's.
        if isinstance(exchange, Exchange):
            visit = exchange.info
            if (
                isinstance(visit, FlaskVisit)
                and visit.middleware.flask_app is app
                and not visit.is_claimed
            ):
                visit.begin(exchange, running)
    except Exception as error:  # noqa: BLE001 - never the request's
        app.extensions["segment"].analytics.throttle.failed("request_started", error)


# Of every app, and a function: what the signal asks of a method, or of one app's
# receiver, would be a tenth of what a request costs here.
flask.request_started.connect(_started)


def _exchange() -> Exchange | None:
    """The exchange that Flask's running request belongs to."""
    running = running_context()
    found = None if running is None else getattr(running.request, REQUEST_KEY, None)
    return found if isinstance(found, Exchange) else None


def _of_running_request() -> RequestContext | None:
    """The holder in a streamed body or a copied context: Flask's variable has it."""
    return _exchange()


fallbacks.append(_of_running_request)
