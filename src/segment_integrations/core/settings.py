"""The one set of settings: where each comes from, what it may be, and its default."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from segment_integrations.core import checks
from segment_integrations.core.addresses import Proxies
from segment_integrations.core.privacy import REDACTED_PATH_PARAMS
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from segment_integrations.core.inspecting import Plan
    from segment_integrations.core.ports import Processor
    from segment_integrations.core.request import RequestInfo

ENVIRONMENT_PREFIX: Final = "SEGMENT_"


def _setting(check: Callable[[Any], Any], default: Any) -> Any:
    """A field of `Settings`: its default, and the check that also normalises it."""
    return field(default=default, metadata={"check": check})


def _key(value: object) -> str:
    """A text; whether it may be empty, `_check_key` says."""
    is_empty = isinstance(value, str) and not value.strip()
    return "" if is_empty else checks.text(value)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Settings:
    """
    Everything that can be set, checked and normalised.

    Each value comes from the argument, else the framework's configuration, else the
    environment (``SEGMENT_FLUSH_AT``), else the default. `docs/settings.md` lists
    them with their meaning and the source of each number.
    """

    write_key: str | None = _setting(_key, None)
    host: str = _setting(checks.base_url, "https://api.segment.io")
    enabled: bool = _setting(checks.boolean, True)
    strict: bool = _setting(checks.boolean, False)

    pages: Literal["server", "fallback", "off"] = _setting(
        checks.one_of("server", "fallback", "off"), "server"
    )
    methods: frozenset[str] = _setting(checks.methods, frozenset({"GET"}))
    exclude: tuple[str | Callable[[RequestInfo], bool], ...] = _setting(
        checks.patterns, ()
    )
    spa_navigation: bool = _setting(checks.boolean, False)
    stream_context: bool = _setting(checks.boolean, False)

    identity: Literal["session", "resolved", "eager"] = _setting(
        checks.one_of("session", "resolved", "eager"), "session"
    )
    session_key: str | None = _setting(checks.text, None)
    user: Callable[[Any], object] | None = _setting(checks.callable_or_path, None)
    group: Callable[[Any], object] | None = _setting(checks.callable_or_path, None)
    user_traits: tuple[str, ...] = _setting(checks.strings, ())
    auth_events: bool = _setting(checks.boolean, False)
    anonymous_cookie: bool = _setting(checks.boolean, False)

    consent: Callable[[Any], bool | Mapping[str, bool]] | None = _setting(
        checks.callable_or_path, None
    )
    respect_gpc: bool = _setting(checks.boolean, True)

    ip: Literal["full", "truncate", "drop"] = _setting(
        checks.one_of("full", "truncate", "drop"), "full"
    )
    trusted_proxies: Proxies = _setting(Proxies.parse, Proxies())
    redact_path_params: frozenset[str] = _setting(checks.names, REDACTED_PATH_PARAMS)
    search_params: tuple[str, ...] = _setting(checks.strings, ("utm_*",))
    bots: Literal["excluded", "included"] = _setting(
        checks.one_of("excluded", "included"), "excluded"
    )

    sample: float = _setting(checks.fraction, 1.0)
    after_commit: bool = _setting(checks.boolean, True)

    queue_bytes: int = _setting(checks.positive_int, 32 * 1024 * 1024)
    flush_at: int = _setting(checks.positive_int, 500)
    flush_interval: float = _setting(checks.positive_seconds, 0.5)
    gzip: bool = _setting(checks.boolean, True)
    timeout: float = _setting(checks.positive_seconds, 10.0)
    max_age: float = _setting(checks.positive_seconds, 43_200.0)
    overflow: Literal["drop_newest", "drop_oldest", "spill"] = _setting(
        checks.one_of("drop_newest", "drop_oldest", "spill"), "drop_newest"
    )
    spool: Literal["off", "overflow", "always"] = _setting(
        checks.one_of("off", "overflow", "always"), "off"
    )
    spool_dir: Path | None = _setting(checks.folder, None)
    proxy: str | None = _setting(checks.base_url, None)
    ca_bundle: str | None = _setting(checks.existing_path, None)

    processors: tuple[Processor, ...] = _setting(checks.callables, ())
    on_error: Callable[..., object] | None = _setting(checks.callable_or_path, None)
    on_drop: Callable[..., object] | None = _setting(checks.callable_or_path, None)
    on_delivered: Callable[..., object] | None = _setting(checks.callable_or_path, None)

    plan: Path | Plan | None = _setting(checks.plan, None)
    plan_mode: tuple[str, ...] | Mapping[str, tuple[str, ...]] = _setting(
        checks.words_by_call, ("report",)
    )
    on_violation: Callable[..., object] | None = _setting(checks.callable_or_path, None)

    given: frozenset[str] = frozenset()
    """The names that were set anywhere; what is not here has its default."""

    def __repr__(self) -> str:
        """Name what was set; no value, for a key or a proxy's password is one."""
        return f"Settings(set: {', '.join(sorted(self.given)) or 'nothing'})"

    @classmethod
    def resolve(
        cls,
        arguments: Mapping[str, object],
        config: Mapping[str, object] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        spell: Callable[[str], str] | None = None,
    ) -> Settings:
        """
        Fill the settings from all sources and check them.

        Args:
            arguments: Keyword arguments as given; None means "not given".
            config: The framework's own configuration, already under our names.
            environ: The environment, `os.environ` by default.
            spell: How *config* spells a name, for error texts: ``"flush_at"`` to
                ``'SEGMENT["FLUSH_AT"]'``.

        Raises:
            ConfigurationError: A name is unknown or a value is wrong; `.setting`
                names it and the text spells it as its source does.
        """
        environ = os.environ if environ is None else environ
        spell = spell or (lambda name: name)
        values: dict[str, object] = {}
        for source, spelling in ((config or {}, spell), (arguments, _as_is)):
            for name in source:
                if name not in _CHECKS:
                    raise ConfigurationError(
                        f"{spelling(name)} is no setting of segment-integrations;"
                        f" the nearest is {spelling(checks.nearest(name, _CHECKS))}",
                        setting=name,
                    )
        key_spelled = ""
        for name, check in _CHECKS.items():
            variable = ENVIRONMENT_PREFIX + name.upper()
            if arguments.get(name) is not None:
                value, spelled = arguments[name], name
            elif config is not None and config.get(name) is not None:
                value, spelled = config[name], spell(name)
            elif environ.get(variable):
                value, spelled = environ[variable], variable
            else:
                continue
            try:
                values[name] = check(value)
            except ValueError as error:
                raise ConfigurationError(f"{spelled} {error}", setting=name) from None
            key_spelled = key_spelled or spelled  # the first of all is the write key
        _check_key(values, key_spelled)
        given = frozenset(values)
        _check_together(values, spell)
        return cls(**values, given=given)  # type: ignore[arg-type]


def _check_together(values: dict[str, object], spell: Callable[[str], str]) -> None:
    """Check what several settings say together."""
    _check_spool(values, spell)
    _check_pages(values, spell)


def _check_key(values: dict[str, object], spelled: str) -> None:
    """An empty write key is none at all, for one that is switched off."""
    if values.get("write_key") == "":
        if values.get("enabled", True):
            raise ConfigurationError(
                f"{spelled} must be a text that is not empty, got str",
                setting="write_key",
            )
        del values["write_key"]


def _check_spool(values: dict[str, object], spell: Callable[[str], str]) -> None:
    """Check what the settings of the spool say together; fill `overflow` in."""
    if values.get("spool", "off") == "off":
        if values.get("overflow") == "spill":
            raise ConfigurationError(
                f"{spell('overflow')}='spill' needs a spool: set {spell('spool')} to"
                f" 'overflow' or 'always', and {spell('spool_dir')}",
                setting="overflow",
            )
        return
    if "spool_dir" not in values:
        raise ConfigurationError(
            f"{spell('spool')} needs a folder: set {spell('spool_dir')}",
            setting="spool_dir",
        )
    if importlib.util.find_spec("fcntl") is None:
        raise ConfigurationError(
            f"{spell('spool')} needs file locks that this system does not have: leave"
            " it 'off'",
            setting="spool",
        )
    if values["spool"] == "always" and values.get("overflow") == "drop_oldest":
        raise ConfigurationError(
            f"{spell('overflow')}='drop_oldest' drops from memory what {spell('spool')}"
            "='always' has on disk: choose 'spill' or 'drop_newest'",
            setting="overflow",
        )
    values.setdefault("overflow", "spill")


def _check_pages(values: dict[str, object], spell: Callable[[str], str]) -> None:
    """Refuse to take our own cookie for the browser library's."""
    if values.get("pages") == "fallback" and values.get("anonymous_cookie"):
        raise ConfigurationError(
            f"{spell('pages')}='fallback' sends no page call where a cookie of the"
            f" browser library came, and {spell('anonymous_cookie')} sets one: leave"
            f" {spell('anonymous_cookie')} off, for the library sets it itself",
            setting="anonymous_cookie",
        )


def _as_is(name: str) -> str:
    return name


_CHECKS: Final[dict[str, Callable[[Any], object]]] = {
    spec.name: spec.metadata["check"] for spec in fields(Settings) if spec.metadata
}

SETTING_NAMES: Final = frozenset(_CHECKS)
