"""What ``doctor`` says of the settings, the write key and the host; no network."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from segment_integrations.cli.words import bare_url, counted, key_start
from segment_integrations.core.settings import (
    ENVIRONMENT_PREFIX,
    SETTING_NAMES,
    Settings,
)
from segment_integrations.errors import ConfigurationError
from segment_integrations.plan.modes import modes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

State = Literal["ok", "warning", "failed"]

US_HOST: Final = "api.segment.io"
EU_HOST: Final = "events.eu1.segmentapis.com"
"""Source: Segment, "Regional Segment": the ingestion endpoints of both regions."""

SEGMENT_DOMAINS: Final = ("segment.io", "segment.com", "segmentapis.com")

SEGMENT_KEY: Final = re.compile(r"[A-Za-z0-9]{32}")
"""What Segment's write keys look like. Source: seen; nothing documents it."""

ANY_KEY: Final = re.compile(r"[!-9;-~]+")
"""What Basic auth can carry as a user name: printable ASCII without a colon."""

PLACEHOLDER: Final = re.compile(r"[<>{}$]|write[_-]?key|change[_-]?me", re.IGNORECASE)

ALIKE: Final = 0.8
"""How near a variable's name must be to a setting's to be taken for a slip."""


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One line of the report.

    Args:
        check: What was looked at.
        state: How it is.
        text: What was seen; no secret and no value of an event.
        advice: What to do.
    """

    check: str
    state: State
    text: str
    advice: str = ""


class Resolved(NamedTuple):
    """The settings, as far as they are right, and what is to be said of them."""

    settings: Settings
    findings: list[Finding]


def resolve(options: Mapping[str, object], environ: Mapping[str, str]) -> Resolved:
    """
    Read the settings from the command's *options* and the environment.

    A wrong one is told and left out, so that the other checks can go on.
    """
    findings: list[Finding] = []
    left = dict(environ)
    arguments = {name: value for name, value in options.items() if value is not None}
    settings = Settings()
    for _ in SETTING_NAMES:
        try:
            settings = Settings.resolve(arguments, environ=left)
            break
        except ConfigurationError as error:
            findings.append(Finding("settings", "failed", str(error)))
            _leave_out(error.setting or "", arguments, left)
    given = ", ".join(
        f"{name} ({_origin(name, arguments)}) = {_shown(name, settings)}"
        for name in sorted(settings.given)
    )
    findings.insert(0, Finding("settings", "ok", f"given: {given or 'none'}"))
    findings += _slips(environ)
    return Resolved(settings, findings)


def _leave_out(
    name: str, arguments: dict[str, object], environ: dict[str, str]
) -> None:
    had = arguments.pop(name, None) is not None
    if environ.pop(_variable(name), None) is None and not had:
        for other in ("spool", "overflow"):  # they miss one that was not given
            environ.pop(_variable(other), None)


def _variable(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.upper()


def _origin(name: str, arguments: Mapping[str, object]) -> str:
    return f"--{name.replace('_', '-')}" if name in arguments else _variable(name)


def _shown(name: str, settings: Settings) -> str:
    value: Any = getattr(settings, name)
    if name == "write_key":
        return key_start(value)
    if name in {"host", "proxy"}:
        return bare_url(value)
    if callable(value):
        return getattr(value, "__qualname__", type(value).__name__)
    if isinstance(value, frozenset | tuple):
        return ",".join(sorted(map(str, value)))
    return str(value)


def _slips(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Variables that are none of ours, but nearly."""
    ours = {_variable(name) for name in SETTING_NAMES}
    for name in sorted(environ):
        if name.startswith(ENVIRONMENT_PREFIX) and name not in ours:
            near = difflib.get_close_matches(name, ours, n=1, cutoff=ALIKE)
            if near:
                yield Finding(
                    "settings",
                    "warning",
                    f"{name} is no setting, and is ignored",
                    f"did you mean {near[0]}?",
                )


def write_key(settings: Settings) -> Finding:
    """Whether there is a write key, and whether it can be one."""
    key = settings.write_key
    if not settings.enabled:
        return Finding("write key", "ok", "not needed: enabled is false")
    if key is None:
        return Finding(
            "write key",
            "failed",
            "missing in the environment",
            "set SEGMENT_WRITE_KEY, or give --write-key if your framework's own"
            " configuration has it, which this command does not read",
        )
    shown = f"{key_start(key)}, {len(key)} characters"
    if not ANY_KEY.fullmatch(key) or PLACEHOLDER.search(key):
        return Finding(
            "write key",
            "warning",
            f"{shown}: it looks like a placeholder or has characters that no key has",
            "copy it from the source's settings",
        )
    if _is_segment(settings.host) and not SEGMENT_KEY.fullmatch(key):
        return Finding(
            "write key",
            "warning",
            f"{shown}: Segment's have 32 letters and digits",
            "copy it from the source's settings: Settings, API Keys",
        )
    return Finding("write key", "ok", shown)


def host(settings: Settings) -> Finding:
    """Where events go, and what a wrong region means."""
    url = bare_url(settings.host)
    parts = urlsplit(url)
    name = parts.hostname or ""
    if parts.scheme == "http" and not is_local(name):
        return Finding(
            "host",
            "warning",
            f"{url}: the write key and all events travel unencrypted",
            "use https",
        )
    if name in {US_HOST, EU_HOST}:
        region, other, other_region = (
            ("US", EU_HOST, "EU") if name == US_HOST else ("EU", US_HOST, "US")
        )
        return Finding(
            "host",
            "ok",
            f"{url}: Segment, {region} region; with a workspace of the other region"
            " Segment answers 200 all the same and the events vanish",
            f"{other_region} workspaces: SEGMENT_HOST=https://{other}",
        )
    if _is_segment(settings.host):
        return Finding(
            "host",
            "warning",
            f"{url}: a name of Segment's that is none of its two endpoints for servers",
            f"use https://{US_HOST}, or https://{EU_HOST} for an EU workspace",
        )
    return Finding(
        "host", "ok", f"{url}: not Segment; RudderStack, a relay or a local collector"
    )


def is_local(name: str) -> bool:
    """Whether the host *name* is this machine."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _is_segment(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    return any(name == one or name.endswith(f".{one}") for one in SEGMENT_DOMAINS)


def gzip(settings: Settings) -> Finding:
    """Whether bodies are compressed."""
    if settings.gzip:
        return Finding(
            "gzip",
            "ok",
            "on: Segment, RudderStack and the local collector take it",
            "an endpoint that does not: SEGMENT_GZIP=0",
        )
    return Finding("gzip", "ok", "off: bodies are some six times as long")


def plan(settings: Settings) -> Finding:
    """Whether the tracking plan can be used, as it is read when a program starts."""
    spelled = _variable("plan")
    try:
        by_call = modes(settings.plan_mode)
    except ValueError as error:
        text = f"{_variable('plan_mode')} {error}"
        return Finding("plan", "failed", text)
    if not any(mode.checks for mode in by_call.values()):
        return Finding("plan", "ok", f"off: {_variable('plan_mode')} is off")
    if settings.plan is None:
        if "plan_mode" in settings.given:
            text = f"{_variable('plan_mode')} is given, and no plan"
            return Finding("plan", "failed", text, f"set {spelled}")
        return Finding("plan", "ok", "none: events are not held up to a tracking plan")
    try:
        from segment_integrations.plan.enforcing.open import loaded

        found = loaded(settings.plan, spelled)
    except ConfigurationError as error:
        return Finding("plan", "failed", str(error))
    named = f"{found.name or 'without a name'}, {counted(len(found.rules), 'rule')}"
    if not found.rules:
        return Finding(
            "plan",
            "warning",
            f"{named}: each track event is an unplanned one",
            f"is {found.source} the right file?",
        )
    return Finding("plan", "ok", f"{named}: {found.source}")
