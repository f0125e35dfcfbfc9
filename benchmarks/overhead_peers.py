"""
What can be put around an application: nothing, ours, or a peer, each as its docs say.

Peers send nothing anywhere: sentry has a transport that drops, OpenTelemetry an
exporter that does, posthog's integration sends nothing by itself. Ours has a transport
that answers 200, so messages are built, encoded, queued and packed as ever.
"""


class Bare:
    """The application alone; each framework's way in is a method."""

    def __init__(self):
        self.prepare()

    def prepare(self):
        pass

    def view(self):
        """What the view does besides its answer."""

    def flush(self):
        """Finish what was begun, so that its cost is in the figures."""

    def asgi(self, app):
        return app

    def starlette(self, app):
        return self.asgi(app)

    fastapi = starlette

    def quart(self, app):
        app.asgi_app = self.asgi(app.asgi_app)

    def litestar(self, handlers):
        from litestar import Litestar

        return self.asgi(Litestar(handlers))

    def flask(self, app):
        pass

    def django(self, settings):
        return settings

    def django_ready(self):
        pass

    def django_app(self, app):
        return app


class Discard:
    """Delivers to nobody, at once."""

    def send(self, batch):
        from segment_integrations.ports import Answer

        return Answer(200)


class Ours(Bare):
    def prepare(self):
        from segment_integrations import Analytics

        self.analytics = Analytics("key", transport=Discard())

    def flush(self):
        if not self.analytics.flush(30):
            raise RuntimeError("not everything was delivered")

    def starlette(self, app):
        from segment_integrations.starlette import SegmentMiddleware

        app.add_middleware(SegmentMiddleware, analytics=self.analytics)

    def fastapi(self, app):
        from segment_integrations.fastapi import SegmentMiddleware

        app.add_middleware(SegmentMiddleware, analytics=self.analytics)

    def litestar(self, handlers):
        from litestar import Litestar

        from segment_integrations.litestar import SegmentPlugin

        return Litestar(handlers, plugins=[SegmentPlugin(analytics=self.analytics)])

    def quart(self, app):
        from segment_integrations.quart import SegmentMiddleware

        app.asgi_app = SegmentMiddleware(app.asgi_app, analytics=self.analytics)

    def flask(self, app):
        from segment_integrations.flask import Segment

        Segment(app, analytics=self.analytics)

    def django(self, settings):
        name = "segment_integrations.django"
        return settings | {
            "INSTALLED_APPS": [*settings["INSTALLED_APPS"], name],
            "MIDDLEWARE": [
                *settings["MIDDLEWARE"],
                f"{name}.middleware.SegmentMiddleware",
            ],
            "SEGMENT": {"WRITE_KEY": "key"},
        }

    def django_ready(self):
        from segment_integrations.django import config, transactions

        # Django's own is made of its settings, which know no transport.
        self.analytics.deferral = transactions.TransactionDeferral()
        config._made[config.NAME] = self.analytics  # noqa: SLF001 - see above


class OursTracking(Ours):
    def prepare(self):
        super().prepare()
        from segment_integrations import track

        self._track = track

    def view(self):
        self._track("Item Viewed", {"item": "42", "price": 19.99, "currency": "EUR"})


class Posthog(Bare):
    def prepare(self):
        import posthog

        posthog.api_key = "key"
        posthog.host = "http://127.0.0.1:9"

    def asgi(self, app):
        from posthog.integrations.asgi import PosthogASGIMiddleware

        return PosthogASGIMiddleware(app)

    def starlette(self, app):
        from posthog.integrations.asgi import PosthogASGIMiddleware

        app.add_middleware(PosthogASGIMiddleware)

    fastapi = starlette

    def flask(self, app):
        from posthog.integrations.flask import PosthogFlaskIntegration

        PosthogFlaskIntegration(app)

    def django(self, settings):
        name = "posthog.integrations.django.PosthogContextMiddleware"
        return settings | {"MIDDLEWARE": [*settings["MIDDLEWARE"], name]}


class Sentry(Bare):
    rate = 0.0

    def prepare(self):
        import sentry_sdk
        from sentry_sdk.transport import Transport

        class Nowhere(Transport):
            def capture_envelope(self, envelope):
                pass

        sentry_sdk.init(
            dsn="http://key@127.0.0.1:9/1",
            transport=Nowhere,
            traces_sample_rate=self.rate,
        )


class SentryTraced(Sentry):
    rate = 1.0


class OpenTelemetry(Bare):
    def prepare(self):
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import (
            BatchSpanProcessor,
            SpanExporter,
            SpanExportResult,
        )

        class Nowhere(SpanExporter):
            def export(self, spans):
                return SpanExportResult.SUCCESS

        self.provider = TracerProvider()
        self.provider.add_span_processor(BatchSpanProcessor(Nowhere()))
        trace.set_tracer_provider(self.provider)

    def flush(self):
        self.provider.force_flush()

    def asgi(self, app):
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

        return OpenTelemetryMiddleware(app)

    def starlette(self, app):
        from opentelemetry.instrumentation.starlette import StarletteInstrumentor

        StarletteInstrumentor.instrument_app(app)

    def fastapi(self, app):
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app)

    def flask(self, app):
        from opentelemetry.instrumentation.flask import FlaskInstrumentor

        FlaskInstrumentor().instrument_app(app)

    def django_ready(self):
        from opentelemetry.instrumentation.django import DjangoInstrumentor

        DjangoInstrumentor().instrument()


VARIANTS = {
    "bare": Bare,
    "ours": Ours,
    "ours + track": OursTracking,
    "posthog": Posthog,
    "sentry, traces 0": Sentry,
    "sentry, traces 1.0": SentryTraced,
    "opentelemetry": OpenTelemetry,
}
