"""`Analytics`: joins the core to delivery, and is what an application holds on to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self

from segment_integrations import defaults
from segment_integrations.core import current as current_module
from segment_integrations.core.calls import OPTION_NAMES, Calls
from segment_integrations.core.counters import Drops, Throttle
from segment_integrations.core.current import Bound, RequestContext, current
from segment_integrations.core.identified import Identified
from segment_integrations.core.observe import PageCalls
from segment_integrations.core.pipeline import Pipeline
from segment_integrations.core.settings import Settings
from segment_integrations.core.tap import SEAT, is_test_run
from segment_integrations.delivery.engine import Delivery
from segment_integrations.delivery.options import Options
from segment_integrations.errors import ConfigurationError, InvalidEvent, PlanViolation
from segment_integrations.life import Life

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from segment_integrations.core.calls import Id
    from segment_integrations.core.calls import Options as CallOptions
    from segment_integrations.core.message import Call, Message
    from segment_integrations.core.policy import PageDecision
    from segment_integrations.core.ports import Deferral, Processor, Sink, Transport
    from segment_integrations.core.request import RequestInfo, ResponseInfo, Routing
    from segment_integrations.plan.enforcing.enforcer import Enforcer

LIBRARY_NAME: Final = "segment-integrations"


class Analytics(Calls, Life):
    """
    The calls, the settings and the delivery of one source. Safe for all threads.

    Args:
        write_key: The source's write key; else the setting from the environment.
        sink: Takes finished messages instead of our own delivery.
        transport: Posts batches instead of HTTP; the queue and the retries are ours.
        processors: Change or drop messages, in this order, on the caller's thread.
        settings: Any other setting of `Settings`, by name.

    Raises:
        ConfigurationError: A setting is missing, unknown or wrong.
    """

    def __init__(
        self,
        write_key: str | None = None,
        *,
        sink: Sink | None = None,
        transport: Transport | None = None,
        processors: tuple[Processor, ...] | list[Processor] = (),
        **settings: Any,
    ) -> None:
        arguments = {"write_key": write_key, "processors": processors or None}
        self._open(Settings.resolve({**arguments, **settings}), sink, transport)

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        sink: Sink | None = None,
        transport: Transport | None = None,
        spell: Callable[[str], str] | None = None,
    ) -> Self:
        """
        Make one out of settings that a framework's adapter has resolved.

        Args:
            settings: The settings.
            sink: As in the constructor.
            transport: As in the constructor.
            spell: The framework's spelling of a setting's name, for the error text.

        Raises:
            ConfigurationError: There is no write key.
        """
        analytics = cls.__new__(cls)
        analytics._open(settings, sink, transport, spell)  # noqa: SLF001 - our own
        return analytics

    def _open(
        self,
        settings: Settings,
        sink: Sink | None,
        transport: Transport | None,
        spell: Callable[[str], str] | None = None,
    ) -> None:
        _check_port("sink", sink, "put")
        _check_port("transport", transport, "send")
        if is_test_run():
            from segment_integrations.testing.gate import close_gate

            close_gate()
        elif (
            settings.enabled
            and settings.write_key is None
            and sink is None
            and not (SEAT.tap is not None and SEAT.tap.is_capturing)
        ):
            key, switch = (
                ("write_key=", "enabled")
                if spell is None
                else (spell("write_key"), spell("enabled"))
            )
            raise ConfigurationError(
                f"the write key is missing: give {key} or set SEGMENT_WRITE_KEY in the"
                f" environment, or switch off with {switch}=False",
                setting="write_key",
            )
        self.settings = settings
        self._is_enabled = settings.enabled
        self.throttle = Throttle()
        self._identified = Identified()
        self.drops = Drops(self.throttle, self._on_drop, self._identified.clear)
        self.is_closed = False
        self._is_own = sink is None and transport is None
        self._delivery: Delivery | None = None
        self._enforcer: Enforcer | None = None
        if settings.plan is not None or "plan_mode" in settings.given:
            from segment_integrations.plan.enforcing.open import opened

            self._enforcer = opened(
                settings,
                spell=spell or (lambda name: name),
                drops=self.drops,
                throttle=self.throttle,
                put=self._put,
                post=self._post if sink is None else None,
            )
        enforcer = self._enforcer
        if self._is_own and not settings.enabled:
            sink = _Off()
        if sink is None:
            if transport is None:
                # Not at the top: every run of pytest with our plugin would pay for it.
                from segment_integrations.delivery.transport import HttpTransport

                transport = HttpTransport.from_settings(settings)
            sink = self._delivery = Delivery(
                transport,
                Options.of(
                    settings, inspect=None if enforcer is None else enforcer.on_worker
                ),
                drops=self.drops,
                throttle=self.throttle,
            )
        self._sink: Sink = sink
        from segment_integrations import __version__

        self._pipeline = Pipeline(
            settings,
            self.drops,
            self.throttle,
            {"name": LIBRARY_NAME, "version": __version__},
            self._put,
            set_aside=self._set_aside,
            identified=self._identified,
            inspect=None if enforcer is None else enforcer.at_call,
        )
        self.page_calls = PageCalls(settings, self.throttle, self._pipeline)
        defaults.register(self)

    # -- the calls --------------------------------------------------------------

    def _emit(
        self, call: Call, own: dict[str, Any], options: CallOptions
    ) -> str | None:
        if self.is_closed or not self._is_enabled:
            self._count_off()
            return None
        for name in options:
            if name not in OPTION_NAMES:  # the caller's mistake, said as Python would
                raise TypeError(f"{call}() got an unexpected keyword argument {name!r}")
        strict = self.settings.strict if SEAT.tap is None else self.is_strict
        try:
            return self._pipeline.emit(call, own, options, current(), strict=strict)
        except (InvalidEvent, PlanViolation):
            raise  # strict mode; nothing else raises them
        except Exception:  # noqa: BLE001 - no error of ours reaches the request
            self._count_failed()
        return None

    def _count_failed(self) -> None:
        """Count and log the exception that is being handled."""
        self.drops.add("failed")
        with self.throttle.guard("a call"):
            raise  # noqa: PLE0704 - of the except block that called

    def refuse(self, error: InvalidEvent) -> str | None:
        """Count what breaks the spec; raise it in strict mode."""
        if not self.is_on:
            self._count_off()
            return None
        return self._pipeline.refuse(error, strict=self.is_strict)

    def _count_off(self) -> None:
        if self.is_closed and self.settings.enabled:
            self.drops.add("closed", detail="a call after close()")

    def _put(self, body: bytes, message: Message) -> bool:
        tap = SEAT.tap
        if tap is not None:
            tap.see(body)
            if not tap.lets_out():
                if tap.is_capturing:
                    tap.take(body)
                    return True
                if self._is_own:
                    return True  # a test run: nothing leaves the process
        try:
            accepted = self._sink.put(body, message)
        except Exception:  # noqa: BLE001 - a user's sink
            self._count_failed()
            return False
        if accepted is False and self._delivery is None:
            self.drops.add("refused", detail="the sink said no")
        return accepted is not False

    def _set_aside(self, body: bytes) -> bool:
        """Have delivery keep what Segment would not take, where it has a folder."""
        if self._delivery is None or self.settings.spool_dir is None:
            return False
        if SEAT.tap is not None and not SEAT.tap.lets_out():
            return False
        self._delivery.put(body, {})  # which counts it
        return True

    @property
    def is_on(self) -> bool:
        """False where calls do nothing: switched off, without a key, or closed."""
        return self.settings.enabled and not self.is_closed

    @property
    def is_strict(self) -> bool:
        """The `strict` setting; on in tests that look at events, unless it was set."""
        tap = SEAT.tap
        if tap is not None and tap.is_capturing and "strict" not in self.settings.given:
            return True
        return self.settings.strict

    def wants_event(self) -> bool:
        """False where a call would send nothing anyway; asked before extractors run."""
        return self.is_on and self._pipeline.allows(current())

    # -- the request ------------------------------------------------------------

    def request(
        self,
        info: RequestInfo,
        *,
        routing: Callable[[], Routing] | None = None,
        resolve: Callable[[str], Routing | None] | None = None,
        detect: Callable[[], object] | None = None,
    ) -> Bound:
        """
        Bind a context for one request; a context manager that gives it.

        Args:
            info: The request.
            routing: Tells, when asked, where the framework routed it.
            resolve: Routes another path of this site, to clean referrers.
            detect: Tells who is signed in, by the framework's own means.
        """
        return Bound(
            RequestContext(
                self,
                info,
                routing=routing,
                resolve=resolve,
                detect=detect,
            )
        )

    def bind(
        self,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        group_id: Id | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> AbstractContextManager[RequestContext]:
        """As the module's `bind`; module-level calls inside go to this one."""
        return current_module.bind(
            user_id=user_id,
            anonymous_id=anonymous_id,
            group_id=group_id,
            context=context,
            analytics=self,
            refuse=self.refuse,
        )

    def set_user(
        self,
        user_id: Id | None,
        *,
        anonymous_id: Id | None = None,
        group_id: Id | None = None,
        traits: Mapping[str, Any] | None = None,
    ) -> None:
        """As the module's `set_user`."""
        context = current()
        if context is None:
            self.throttle.log(
                "set_user",
                logging.WARNING,
                "set_user was called outside a request and a bind block: no effect",
            )
            return
        try:
            context.set_user(
                user_id, anonymous_id=anonymous_id, group_id=group_id, traits=traits
            )
        except InvalidEvent as error:
            self.refuse(error)

    def explain(self, info: RequestInfo, response: ResponseInfo) -> PageDecision:
        """Why a page call would be sent, or not, for such a request and response."""
        return self.page_calls.decide(RequestContext(self, info), response)

    @property
    def deferral(self) -> Deferral | None:
        """Holds events back while a transaction is open; set by a framework."""
        return self._pipeline.deferral

    @deferral.setter
    def deferral(self, deferral: Deferral | None) -> None:
        self._pipeline.deferral = deferral

    def _on_drop(self, reason: str, count: int) -> None:
        hook = self.settings.on_drop
        if hook is None:
            return
        self._post(lambda: hook(reason, count))

    def _post(self, call: Callable[[], object]) -> object:
        """Run a hook's *call* on delivery's thread, where there is one."""
        return call() if self._delivery is None else self._delivery.notify(call)

    def __repr__(self) -> str:
        """Show the start of the key and what is queued; no identifiers."""
        key = self.settings.write_key
        shown = f"{key[:4]}…" if key else None
        pending = self.stats().pending_events
        return f"Analytics(write_key={shown!r}, queued={pending})"


class _Off:
    """The sink of one that is switched off: nothing is made, and no call comes here."""

    def put(self, body: bytes, message: Message) -> bool:
        """Take nothing."""
        del body, message
        return False


def with_plan(settings: Settings, spell: Callable[[str], str]) -> Settings:
    """
    *settings* with the plan itself in place of its path, for a framework's start-up.

    Raises:
        ConfigurationError: The plan can't be used; as `Analytics` raises it.
    """
    if settings.plan is None and "plan_mode" not in settings.given:
        return settings
    from segment_integrations.plan.enforcing.open import usable

    found = usable(settings, spell)
    return settings if found is None else replace(settings, plan=found[0])


def _check_port(name: str, port: object, method: str) -> None:
    """Refuse at start-up what each call would fail on later."""
    is_usable = callable(getattr(port, method, None)) and not isinstance(port, type)
    if port is not None and not is_usable:
        raise ConfigurationError(
            f"{name} must be an object with a method {method},"
            f" got {type(port).__name__}",
            setting=name,
        )
