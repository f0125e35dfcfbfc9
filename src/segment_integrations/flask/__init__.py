"""Flask: the extension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segment_integrations.client import Analytics
from segment_integrations.core.settings import SETTING_NAMES, Settings
from segment_integrations.errors import ConfigurationError
from segment_integrations.flask.middleware import FlaskMiddleware

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["Segment"]


class Segment:
    """
    The extension: ``Segment(app)``, or ``segment.init_app(app)`` in an app factory.

    Keeps no app, so that one serves several, each with the key of its own config.

    Args:
        app: The application.
        analytics: Where the calls go; by default one is made for each app, of
            *settings*, the app's ``SEGMENT_*`` config and the environment.
        settings: As for `Analytics`; they win over the config.

    Raises:
        ConfigurationError: A setting is missing, unknown or wrong.
    """

    def __init__(
        self,
        app: Flask | None = None,
        analytics: Analytics | None = None,
        **settings: Any,
    ) -> None:
        if analytics is not None and settings:
            raise ConfigurationError(
                "give Segment either analytics or settings, not both",
                setting=next(iter(settings)),
            )
        self._analytics = analytics
        self._settings = settings
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, analytics: Analytics | None = None) -> Flask:
        """
        Set *app* up; a second time has no effect.

        Args:
            app: The application.
            analytics: Where this app's calls go.

        Returns:
            The app.

        Raises:
            ConfigurationError: A setting is missing, unknown or wrong.
        """
        if "segment" not in app.extensions:
            analytics = analytics or self._analytics or self._configured(app)
            middleware = FlaskMiddleware(app, analytics)
            app.extensions["segment"] = middleware
            app.wsgi_app = middleware  # type: ignore[method-assign]
        return app

    def _configured(self, app: Flask) -> Analytics:
        # What is no setting of ours belongs to another tool of that name.
        config = {name: app.config.get(_spelled(name)) for name in SETTING_NAMES}
        settings = Settings.resolve(self._settings, config, spell=_spelled)
        return Analytics.from_settings(
            settings, spell=lambda name: f'app.config["{_spelled(name)}"]'
        )


def _spelled(name: str) -> str:
    return f"SEGMENT_{name.upper()}"
