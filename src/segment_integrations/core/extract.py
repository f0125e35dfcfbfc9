"""
Reads an event's properties from a function's arguments and its result.

Nothing is read that was not named. What is read is turned into plain values at once, on
the caller's thread: an object of a database must not be looked at later, elsewhere.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from segment_integrations.core.event_models import Facts, fields_of
from segment_integrations.core.plain import MISSING, NotPlain, look_up, plain
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from segment_integrations.core.counters import Throttle
    from segment_integrations.core.event import Event

Properties = Mapping[str, Any] | Callable[..., Facts | None]
"""Fixed properties, or a function of the result and of the arguments it names."""

RESULT: Final = "result"
"""The parameter of a `Properties` function that gets what the tracked one returned."""


class Extraction:
    """
    Which properties an event gets, and where from.

    Args:
        event: The event's name, for the log.
        properties: Fixed properties, or a function that gives them.
        from_args: Paths into the arguments, or a path for each key.
        taken: Keys that the event has anyway.

    Raises:
        ConfigurationError: A path or a type is wrong, or a key is there twice.
    """

    def __init__(
        self,
        event: str,
        properties: Properties | None,
        from_args: Sequence[str] | Mapping[str, str],
        *,
        taken: Collection[str] = (),
    ) -> None:
        self.event = event
        self.fixed: dict[str, Any] = {}
        self.function: Callable[..., object] | None = None
        self.paths = _paths(from_args)
        self._names: dict[str, bool] = {}
        self._takes_all = False
        if isinstance(properties, Mapping):
            self.fixed = dict(properties)
        elif callable(properties):
            self._set_function(properties)
        elif properties is not None:
            raise ConfigurationError(
                "properties must be a mapping or a function that returns one, got"
                f" {type(properties).__name__}"
            )
        for key in self.fixed:
            if key in self.paths or key in taken:
                raise _twice(key)
        for key in self.paths:
            if key in taken:
                raise _twice(key)

    def _set_function(self, function: Callable[..., object]) -> None:
        if inspect.iscoroutinefunction(function):
            raise ConfigurationError(
                "properties must be a plain function, got an async one: it is called"
                " where the event is sent, and nothing waits there"
            )
        signature = signature_of(function)
        if signature is None:
            raise ConfigurationError(
                "properties must be a function whose parameters have names, got"
                f" {type(function).__name__}"
            )
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                self._takes_all = True
            elif parameter.kind is parameter.POSITIONAL_ONLY:
                raise ConfigurationError(
                    f"properties must take {name!r} by its name, not by position only"
                )
            elif parameter.kind is not parameter.VAR_POSITIONAL:
                self._names[name] = parameter.default is parameter.empty
        self.function = function

    @property
    def reads(self) -> bool:
        """True where anything has to be read when the event is sent."""
        return self.function is not None or bool(self.paths)

    def check(
        self, signature: inspect.Signature | None, *, has_result: bool = True
    ) -> None:
        """
        Compare the names with the parameters of the function to be tracked.

        Raises:
            ConfigurationError: A name is no parameter of it.
        """
        if signature is None:
            raise ConfigurationError(
                "the parameters of the tracked function are not known to Python, so"
                " none can be named in from_args or properties"
            )
        known = list(signature.parameters)
        if any(
            parameter.kind is parameter.VAR_KEYWORD
            for parameter in signature.parameters.values()
        ):
            return
        roots = [(path[0], "from_args") for path in self.paths.values()]
        roots += [
            (name, "properties") for name, needed in self._names.items() if needed
        ]
        for name, option in roots:
            if name in known or (
                option == "properties" and name == RESULT and has_result
            ):
                continue
            raise ConfigurationError(
                f"{option} names {name!r}, which is no parameter of the function; it"
                f" has {', '.join(known) or 'none'}"
            )

    def extract(
        self,
        arguments: Callable[[], Mapping[str, Any]],
        result: object,
        throttle: Throttle,
    ) -> dict[str, Any]:
        """
        The properties, as plain values; what fails is left out and logged.

        Never raises.

        Args:
            arguments: Gives the arguments by the names of the parameters.
            result: What the function returned, or `MISSING`.
            throttle: The log.
        """
        found: dict[str, Any] = {}
        given: Mapping[str, Any] = self.fixed
        if self.reads:
            values: Mapping[str, Any] | None = None
            with throttle.guard(f"binding the arguments for {self.event!r}"):
                values = arguments()
            if values is None:
                return found
            for key, path in self.paths.items():
                label = f"property {key!r}"
                with throttle.guard(f"{label} of {self.event!r}"):
                    self._keep(found, key, label, look_up(path, values), throttle)
            if self.function is not None:
                with throttle.guard(f"properties of {self.event!r}"):
                    given = self._computed(values, result)
        self._keep_all(found, given, throttle)
        return found

    def message(
        self, found: dict[str, Any], outcome: Mapping[str, Any]
    ) -> tuple[str | Event, dict[str, Any] | None]:
        """
        What `track` is called with.

        Args:
            found: What `extract` gave.
            outcome: What is known of the call's end.

        Raises:
            InvalidEvent: They do not make a typed event.
        """
        return self.event, {**found, **outcome}

    def _computed(
        self, arguments: Mapping[str, Any], result: object
    ) -> Mapping[str, Any]:
        assert self.function is not None  # noqa: S101 - for the type checker
        known = dict(arguments)
        if result is not MISSING:
            known[RESULT] = result
        elif RESULT not in arguments and self._names.get(RESULT):
            return {}  # it can say nothing about a call that gave no result
        if self._takes_all:
            passed = {**arguments, **{k: known[k] for k in self._names if k in known}}
        else:
            passed = {name: known[name] for name in self._names if name in known}
        answer = self.function(**passed)
        if answer is None:
            return {}
        return self._read(answer)

    def _read(self, answer: object) -> Mapping[str, Any]:
        fields = dict(answer) if isinstance(answer, Mapping) else fields_of(answer)
        if fields is None:
            raise TypeError("properties must return a mapping, a model or None")
        return fields

    def _keep_all(
        self, found: dict[str, Any], given: Mapping[str, Any], throttle: Throttle
    ) -> None:
        for key, value in given.items():
            # A key that a function made may be data, and there may be any number.
            label = "a computed property" if self.function else f"property {key!r}"
            with throttle.guard(f"{label} of {self.event!r}"):
                self._keep(found, key, label, value, throttle)

    def _keep(
        self,
        found: dict[str, Any],
        key: str,
        label: str,
        value: object,
        throttle: Throttle,
    ) -> None:
        if value is None or value is MISSING:
            return
        try:
            found[key] = self._plain(value)
        except NotPlain as kind:
            throttle.log(
                f"tracks:{self.event}:{label}",
                logging.WARNING,
                "%s of %r is left out: %s has no form in JSON; name one of its fields"
                " instead",
                label,
                self.event,
                kind,
            )

    def _plain(self, value: object) -> Any:
        return plain(value)


def signature_of(function: Callable[..., object]) -> inspect.Signature | None:
    """The parameters of *function*, or None where it keeps them to itself."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def arguments_of(
    signature: inspect.Signature | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of one call by name, defaults included, ``**kwargs`` spread out."""
    assert signature is not None  # noqa: S101 - check() has refused it
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    values = dict(bound.arguments)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            values = {**values[name], **values}
    return values


def _paths(
    from_args: Sequence[str] | Mapping[str, str],
) -> dict[str, tuple[str, ...]]:
    given: object = from_args  # what it is, not what its type promises
    if isinstance(given, str) or not isinstance(given, Sequence | Mapping):
        raise ConfigurationError(
            "from_args must be a list of paths or a mapping of keys to paths, got"
            f" {type(given).__name__}"
        )
    pairs: list[tuple[object, object]] = (
        list(given.items())
        if isinstance(given, Mapping)
        else [(None, path) for path in given]
    )
    paths: dict[str, tuple[str, ...]] = {}
    for chosen, path in pairs:
        segments = tuple(path.split(".")) if isinstance(path, str) else ()
        if not segments or not all(segments):
            raise ConfigurationError(
                "a path of from_args must be names joined by dots, like 'order.id',"
                f" got {path!r}"
            )
        key = segments[-1] if chosen is None else chosen
        if not isinstance(key, str) or not key:
            raise ConfigurationError(
                f"a key of from_args must be a text, got {type(key).__name__}"
            )
        if key in paths:
            raise _twice(key)
        paths[key] = segments
    return paths


def _twice(key: str) -> ConfigurationError:
    return ConfigurationError(
        f"the property {key!r} is named twice: give one of them another key,"
        f' from_args={{"other_key": "path.to.{key}"}}'
    )
