"""The public names and their signatures are those of the design."""

from __future__ import annotations

import importlib
import inspect
import typing

import pytest

import segment_integrations as si
from segment_integrations import Analytics, RequestContext, ports, testing
from segment_integrations.core.calls import Options, SubjectOptions

CALLS = {"track", "identify", "group", "page", "screen", "alias"}
OPTIONS = {
    *["user_id", "anonymous_id", "context", "integrations", "timestamp", "message_id"]
}
SUBJECT = (
    "anonymous_id=None, context=None, integrations=None, timestamp=None,"
    " message_id=None"
)
COMMON = f"user_id=None, {SUBJECT}"
ERRORS = {
    "BatchRejected",
    "ConfigurationError",
    "DeliveryError",
    "EventTooLarge",
    "InvalidEvent",
    "PlanViolation",
    "QueueFull",
    "RetriesExhausted",
    "SegmentError",
    "TransportError",
}
PACKAGE = {
    *CALLS,
    *ERRORS,
    *["Analytics", "RequestContext", "Settings", "bind", "current", "flush"],
    *["Event", "Traits", "View"],
    *["no_page", "page_name", "propagate", "reset", "set_user", "tracks"],
}
MODULES = {
    "auth": {"signed_in", "signed_out", "signed_up"},
    "asgi": {"SegmentMiddleware", "lifespan"},
    "wsgi": {"SegmentMiddleware", "analytics_from"},
    "starlette": {"SegmentMiddleware", "analytics_from", "lifespan"},
    "fastapi": {"AnalyticsDep", "SegmentMiddleware", "analytics_from", "lifespan"},
    "flask": {"Segment"},
    "quart": {"SegmentMiddleware", "analytics_from", "lifespan"},
    "litestar": {*["SegmentMiddleware", "SegmentPlugin", "analytics_from", "lifespan"]},
    "aiohttp": {"analytics_from", "lifespan", "setup"},
    "celery": {"install"},
    "analytics_python": {"AnalyticsPythonSink", "Client", "adopt"},
    "sqlalchemy": {"hold_events"},
    "plan": {
        *["Rule", "TrackingPlan", "Violation"],
        *["diff", "exported", "generate", "lint", "scan"],
    },
    "ports": {"Message", "Processor", "RequestInfo", "ResponseInfo", "Sink"},
    "consent": {"CookieReader", "Cookiebot", "OneTrust", "cookiebot", "onetrust"},
    "spec": {"CheckoutStarted", "OrderCompleted", "Product", "SignedUp"},
    "testing": {"BROWSER_HEADERS", "SegmentEvents", "capture"},
}


def shape(function: object) -> str:
    """The names, kinds and defaults of a function's parameters."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    return str(
        signature.replace(
            parameters=[
                one.replace(annotation=inspect.Parameter.empty)
                for one in signature.parameters.values()
            ],
            return_annotation=inspect.Signature.empty,
        )
    )


def test_the_package_exports_the_public_names():
    """Every name of the design that exists so far is exported, and sorted."""
    assert set(si.__all__) >= PACKAGE
    assert si.__all__ == sorted(si.__all__)
    for name in si.__all__:
        assert getattr(si, name) is not None


@pytest.mark.parametrize("module", MODULES)
def test_a_module_exports_its_names(module):
    """Each public module has its names in a sorted `__all__`."""
    if module == "plan":  # which the oldest releases can't be beside
        pytest.importorskip("jsonschema_rs")
    found = importlib.import_module(f"segment_integrations.{module}")
    assert set(found.__all__) >= MODULES[module]
    assert list(found.__all__) == sorted(found.__all__)
    for name in found.__all__:
        assert hasattr(found, name)


def test_everything_public_says_what_it_is():
    """Each public name has a docstring."""
    for name in si.__all__:
        assert inspect.getdoc(getattr(si, name)), name


def test_the_options_of_a_call():
    """Each call takes the spec's common fields by keyword."""
    assert set(typing.get_type_hints(Options)) == OPTIONS
    assert set(typing.get_type_hints(SubjectOptions)) == OPTIONS - {"user_id"}


@pytest.mark.parametrize("name", sorted(CALLS | {"bind", "set_user"}))
def test_module_and_method_have_one_signature(name):
    """A call of the module is the method of `Analytics`."""
    method = shape(getattr(Analytics, name)).replace("(self, ", "(")
    assert shape(getattr(si, name)) == method


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (si.track, f"(event, properties=None, *, {COMMON})"),
        (si.identify, f"(user_id=None, traits=None, *, {SUBJECT})"),
        (si.group, f"(group_id, traits=None, *, {COMMON})"),
        (si.page, f"(name=None, properties=None, *, category=None, {COMMON})"),
        (si.screen, f"(name=None, properties=None, *, category=None, {COMMON})"),
        (si.alias, f"(user_id, *, previous_id=None, {SUBJECT})"),
        (si.set_user, "(user_id, *, anonymous_id=None, group_id=None, traits=None)"),
        (si.reset, "()"),
        (si.current, "()"),
        (si.flush, "(timeout=5.0)"),
        (si.propagate, "(function)"),
        (si.no_page, "(view)"),
        (si.page_name, "(name)"),
        (Analytics.flush, "(self, timeout=5.0)"),
        (Analytics.close, "(self, timeout=5.0)"),
        (Analytics.aflush, "(self, timeout=5.0)"),
        (Analytics.aclose, "(self, timeout=5.0)"),
        (Analytics.stats, "(self)"),
        (Analytics.health, "(self)"),
        (testing.capture, "()"),
    ],
    ids=lambda one: getattr(one, "__qualname__", None),
)
def test_a_signature(function, expected):
    """A public function has the design's parameters, in order, with its defaults."""
    assert expected == shape(function)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (Analytics, {"write_key", "sink", "transport", "processors", "settings"}),
        (si.bind, {"user_id", "anonymous_id", "group_id", "context"}),
        (si.tracks, {"event", "properties", "from_args", "when"}),
        (Analytics.explain, {"info", "response"}),
        (Analytics.request, {"info"}),
        (ports.Sink.put, {"body", "message"}),
        (ports.Transport.send, {"batch"}),
        (testing.SegmentEvents.assert_tracked, {"event", "count", "user_id"}),
        (testing.SegmentEvents.assert_not_tracked, {"event"}),
        (testing.SegmentEvents.assert_identified, {"user_id", "traits"}),
        (testing.SegmentEvents.assert_page, {"name", "path"}),
    ],
    ids=lambda one: getattr(one, "__qualname__", None),
)
def test_a_signature_s_names(function, names):
    """A public function has at least the parameters that the design names."""
    assert names <= set(inspect.signature(function).parameters)


def test_tracks_has_the_designed_defaults():
    """`tracks` emits after success, with nothing captured implicitly."""
    parameters = inspect.signature(si.tracks).parameters
    assert parameters["properties"].default is None
    assert parameters["from_args"].default == ()
    assert parameters["when"].default == "success"


def test_analytics_is_what_an_application_needs():
    """`Analytics` has the calls, its life, and its figures."""
    names = {"bind", "set_user", "request", "flush", "close", "aflush", "aclose"}
    names |= {"stats", "health", "explain", *CALLS}
    assert all(callable(getattr(Analytics, name)) for name in names)
    assert callable(RequestContext.explain)
    with Analytics("key") as analytics:
        assert analytics.settings.write_key == "key"


def test_the_errors_are_one_tree():
    """All that is raised on purpose is a `SegmentError`, some a `ValueError` too."""
    for name in ERRORS:
        assert issubclass(getattr(si, name), si.SegmentError)
    assert issubclass(si.ConfigurationError, ValueError)
    assert issubclass(si.InvalidEvent, ValueError)
    assert issubclass(si.EventTooLarge, si.InvalidEvent)
