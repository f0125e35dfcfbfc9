"""Settings: their sources, their checks, and the texts of their errors."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from types import SimpleNamespace

import pytest

from segment_integrations import Analytics, ConfigurationError, Settings
from segment_integrations.core.addresses import Proxies
from segment_integrations.core.privacy import REDACTED_PATH_PARAMS
from segment_integrations.core.settings import SETTING_NAMES

HOOK = "segment_integrations.core.events:now"
HERE = str(Path(__file__))
PLAN = SimpleNamespace(check=print)  # for all that the core knows


def hook(*_):
    """A callable."""


def given(**settings):
    return Settings.resolve(settings, environ={})


GOOD = {
    "write_key": [("key", "key"), (" key ", "key")],
    "host": [
        ("https://events.eu1.segmentapis.com/", "https://events.eu1.segmentapis.com"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
    "enabled": [(False, False), ("0", False), ("True", True)],
    "strict": [(True, True), ("yes", True), ("off", False)],
    "pages": [("off", "off"), ("fallback", "fallback"), ("server", "server")],
    "methods": [
        (["get", "Post"], frozenset({"GET", "POST"})),
        ("GET, HEAD", frozenset({"GET", "HEAD"})),
    ],
    "exclude": [
        (["/a/", hook], ("/a/", hook)),
        ("/a/, /b", ("/a/", "/b")),
        (hook, (hook,)),
    ],
    "spa_navigation": [(True, True), ("1", True)],
    "stream_context": [(True, True), ("false", False)],
    "identity": [("resolved", "resolved"), ("eager", "eager")],
    "session_key": [("uid", "uid")],
    "user": [(hook, hook), (HOOK, None)],
    "group": [(hook, hook), (HOOK, None)],
    "anonymous_cookie": [(True, True), ("on", True)],
    "consent": [(hook, hook), (HOOK, None)],
    "respect_gpc": [(False, False), ("no", False)],
    "auth_events": [(True, True), ("1", True)],
    "user_traits": [(["email"], ("email",)), ("email, title", ("email", "title"))],
    "ip": [("drop", "drop"), ("truncate", "truncate"), ("full", "full")],
    "trusted_proxies": [
        (2, Proxies(count=2)),
        ("2", Proxies(count=2)),
        (
            ["10.0.0.0/8", "::1"],
            Proxies(
                networks=(
                    ipaddress.ip_network("10.0.0.0/8"),
                    ipaddress.ip_network("::1"),
                )
            ),
        ),
        ("10.0.0.1", Proxies(networks=(ipaddress.ip_network("10.0.0.1"),))),
        (Proxies(count=1), Proxies(count=1)),
    ],
    "redact_path_params": [
        (["Token", "id"], frozenset({"token", "id"})),
        ("a,b", frozenset({"a", "b"})),
    ],
    "search_params": [(["q"], ("q",)), ("utm_*, ref", ("utm_*", "ref")), ([], ())],
    "bots": [("included", "included")],
    "sample": [(0, 0.0), (0.5, 0.5), ("0.25", 0.25), (1, 1.0)],
    "after_commit": [(False, False), ("0", False)],
    "queue_bytes": [(1, 1), ("1000", 1000)],
    "flush_at": [(20, 20), ("20", 20)],
    "flush_interval": [(2, 2.0), ("0.5", 0.5)],
    "gzip": [(False, False)],
    "timeout": [(3, 3.0)],
    "max_age": [("60", 60.0)],
    "overflow": [("drop_oldest", "drop_oldest")],
    "spool": [("off", "off")],
    "spool_dir": [
        ("/var/spool/events", Path("/var/spool/events")),
        (Path(HERE).parent, Path(HERE).parent),
    ],
    "proxy": [("http://proxy.example:3128", "http://proxy.example:3128")],
    "ca_bundle": [(HERE, HERE), (Path(HERE), HERE)],
    "processors": [([hook], (hook,)), ((hook, hook), (hook, hook))],
    "on_error": [(hook, hook), (HOOK, None)],
    "on_drop": [(hook, hook), (HOOK, None)],
    "on_delivered": [(hook, hook), (HOOK, None)],
    "plan": [(HERE, Path(HERE)), (Path(HERE), Path(HERE)), (PLAN, PLAN)],
    "plan_mode": [
        ("omit, forward", ("omit", "forward")),
        (["omit"], ("omit",)),
        (
            {"track": ["omit"], "page": "off"},
            {"track": ("omit",), "page": ("off",)},
        ),
    ],
    "on_violation": [(hook, hook), (HOOK, None)],
}

WRONG = {
    "write_key": ["", "  ", 7, b"key"],
    "host": ["api.segment.io", "ftp://x", "https://", "https://a:b", 7, "http://[x"],
    "enabled": ["maybe", 2, []],
    "strict": ["", 1],
    "pages": ["on", True],
    "methods": [7, [7], [""]],
    "exclude": [7, [7], [""]],
    "spa_navigation": ["x"],
    "stream_context": ["x"],
    "identity": ["lazy", hook],
    "session_key": [7, ""],
    "user": [7, "no_colon", ":x", "x:", "segment_integrations:nothing", "absent_x:y"],
    "group": [7],
    "anonymous_cookie": [1],
    "consent": [True],
    "respect_gpc": [0],
    "auth_events": [1, "perhaps"],
    "user_traits": [7, [7]],
    "ip": ["none", False],
    "trusted_proxies": [-1, True, 1.5, ["not an address"], [], "x", ["10.0.0.0/99"]],
    "redact_path_params": [7, [7]],
    "search_params": [7],
    "bots": [True],
    "sample": [-0.1, 1.1, "half", True, float("nan"), ""],
    "after_commit": ["x"],
    "queue_bytes": [0, -1, 1.5, "1.5", True],
    "flush_at": [0],
    "flush_interval": [0, -1, "x", True, float("inf"), float("nan")],
    "gzip": ["x"],
    "timeout": [0],
    "max_age": [0],
    "overflow": ["block"],
    "spool": ["memory", True],
    "spool_dir": [HERE, 7, ""],
    "proxy": ["proxy:3128"],
    "ca_bundle": ["/nowhere/at/all.pem", 7],
    "processors": [7, [7], "x"],
    "on_error": [7],
    "on_drop": [7],
    "on_delivered": ["x"],
    "plan": ["/nowhere/plan.json", 7, ""],
    "plan_mode": [7, [7], {7: "omit"}, {"track": 7}],
    "on_violation": [7],
}


@pytest.mark.parametrize("spool", ["overflow", "always"])
def test_a_spool_spills_unless_told_otherwise(spool):
    """With a spool the disk takes what the queue can't, and `overflow` may differ."""
    assert "spill" == given(spool=spool, spool_dir="/var/spool/events").overflow
    chosen = given(spool=spool, spool_dir="/x", overflow="drop_newest")
    assert "drop_newest" == chosen.overflow


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"spool": "always"}, "spool_dir"),
        ({"overflow": "spill"}, "overflow"),
        (
            {"spool": "always", "spool_dir": "/x", "overflow": "drop_oldest"},
            "overflow",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_told(settings, named):
    """What only works together, or not at all, says so at start-up."""
    with pytest.raises(ConfigurationError, match="spool") as caught:
        given(**settings)
    assert named == caught.value.setting


def test_fallback_pages_and_our_own_cookie_do_not_go_together():
    """Our cookie would be taken for the browser library's, and stop all page calls."""
    with pytest.raises(ConfigurationError, match=r"pages='fallback'.*off") as caught:
        given(pages="fallback", anonymous_cookie=True)
    assert "anonymous_cookie" == caught.value.setting
    assert "fallback" == given(pages="fallback", anonymous_cookie=False).pages


def test_the_tables_name_every_setting():
    """No setting is without a good and a wrong value here."""
    assert set(GOOD) == set(WRONG) == set(SETTING_NAMES)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [(name, *pair) for name, pairs in GOOD.items() for pair in pairs],
)
def test_a_good_value(name, value, expected):
    """A good value is taken, in its normal form, and noted as given."""
    settings = given(**{name: value})
    found = getattr(settings, name)
    assert callable(found) if expected is None else expected == found
    assert settings.given == {name}


@pytest.mark.parametrize(
    ("name", "value"), [(name, one) for name, some in WRONG.items() for one in some]
)
def test_a_wrong_value(name, value):
    """A wrong value is an error that names the setting and not the value."""
    with pytest.raises(ConfigurationError) as caught:
        given(**{name: value})
    assert caught.value.setting == name
    assert str(caught.value).startswith(f"{name} ")
    assert isinstance(caught.value, ValueError)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("write_key", "key", "key"),
        ("enabled", "0", False),
        ("strict", "true", True),
        ("exclude", "/a/,/b", ("/a/", "/b")),
        ("trusted_proxies", "10.0.0.0/8,::1", None),
        ("flush_at", "20", 20),
        ("flush_interval", "0.25", 0.25),
        ("sample", "0.1", 0.1),
        ("methods", "get,post", frozenset({"GET", "POST"})),
        ("user", HOOK, None),
        ("processors", f"{HOOK},{HOOK}", None),
    ],
)
def test_the_environment_s_texts(name, text, expected):
    """A setting means the same as a text of the environment."""
    settings = Settings.resolve({}, environ={f"SEGMENT_{name.upper()}": text})
    found = getattr(settings, name)
    assert found if expected is None else expected == found


def test_the_environment_s_wrong_texts():
    """A wrong text names the variable."""
    with pytest.raises(ConfigurationError, match=r"^SEGMENT_FLUSH_AT must be"):
        Settings.resolve({}, environ={"SEGMENT_FLUSH_AT": "many"})


def test_the_environment_s_other_variables():
    """Unknown names and empty values in the environment are other tools' matter."""
    environ = {"SEGMENT_FOO": "1", "SEGMENT_API_KEY": "x", "SEGMENT_FLUSH_AT": ""}
    assert Settings.resolve({}, environ=environ) == Settings()


def test_the_order_of_the_sources():
    """The argument wins over the framework's configuration, and that over the rest."""
    environ = {"SEGMENT_FLUSH_AT": "1", "SEGMENT_TIMEOUT": "1", "SEGMENT_MAX_AGE": "1"}
    settings = Settings.resolve(
        {"flush_at": 3, "timeout": None},
        {"flush_at": 2, "timeout": 2, "max_age": None},
        environ=environ,
    )
    assert (settings.flush_at, settings.timeout, settings.max_age) == (3, 2.0, 1.0)


def test_an_unknown_argument():
    """An unknown name is an error that has the nearest known one."""
    with pytest.raises(ConfigurationError, match="the nearest is flush_at") as caught:
        given(flush_att=3)
    assert caught.value.setting == "flush_att"


def test_an_unknown_name_in_the_framework_s_spelling():
    """The error spells both names as the framework does."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.resolve(
            {}, {"writekey": "x"}, environ={}, spell=lambda n: f'SEGMENT["{n.upper()}"]'
        )
    assert str(caught.value).startswith('SEGMENT["WRITEKEY"] is no setting')
    assert str(caught.value).endswith('the nearest is SEGMENT["WRITE_KEY"]')


def test_a_wrong_value_in_the_framework_s_spelling():
    """The error of a wrong value is spelled as its source spells it."""
    with pytest.raises(ConfigurationError, match=r"^SEGMENT_IP must be one of"):
        Settings.resolve(
            {}, {"ip": "x"}, environ={}, spell=lambda n: f"SEGMENT_{n.upper()}"
        )


def test_the_defaults():
    """The defaults are those of the design."""
    settings = given()
    assert settings.host == "https://api.segment.io"
    assert settings.methods == {"GET"}
    assert settings.identity == "session"
    assert settings.search_params == ("utm_*",)
    assert settings.redact_path_params == REDACTED_PATH_PARAMS
    assert {"token", "key", "code", "secret", "uidb64", "signature"} <= (
        REDACTED_PATH_PARAMS
    )
    assert settings.queue_bytes == 32 * 1024 * 1024
    assert (settings.flush_at, settings.flush_interval) == (500, 0.5)
    assert (settings.timeout, settings.max_age) == (10.0, 43_200.0)
    assert settings.given == frozenset()


def test_settings_are_frozen_and_shown_without_values():
    """Nothing can be changed, and the text names no value."""
    settings = given(write_key="SECRET", flush_at=3)
    with pytest.raises(AttributeError):
        settings.flush_at = 4
    assert repr(settings) == "Settings(set: flush_at, write_key)"
    assert repr(given()) == "Settings(set: nothing)"


def test_analytics_refuses_what_settings_refuse():
    """`Analytics` takes any setting by name, and raises for no other reason."""
    with pytest.raises(ConfigurationError, match="flush_at must be a positive"):
        Analytics("key", flush_at=0)
    with pytest.raises(ConfigurationError, match="is no setting"):
        Analytics("key", flushat=1)
    with Analytics("SECRETKEY", processors=[hook]) as analytics:
        assert analytics.settings.processors == (hook,)
        assert "SECRETKEY" not in repr(analytics)


@pytest.mark.parametrize("key", ["", " "])
def test_dj_12_an_empty_key_is_none_where_the_client_is_off(monkeypatch, key):
    """Switched off, neither an empty key nor the environment's proxy is an error."""
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with Analytics(write_key=key, enabled=False) as analytics:
        assert analytics.settings.write_key is None
        assert analytics.track("Seen", user_id="u-1") is None
        assert analytics.flush(1) is True
        assert analytics.drain(1) is True
        assert {} == analytics.stats().dropped
        assert analytics.health().ok
    assert "closed" == analytics.health().reason
    with pytest.raises(ConfigurationError, match="write_key must be a text"):
        given(write_key=key)
