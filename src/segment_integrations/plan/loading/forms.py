"""
The two forms of a plan in JSON: Segment's Public API, and the one before it.

Source: segment-spec.md 5.1 and 5.2; Typewriter v7, `src/cli/api/api.ts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from segment_integrations.plan.loading.nesting import around, of_message
from segment_integrations.plan.loading.schemas import Place
from segment_integrations.plan.rules import OLDEST, RULE_TYPES, Rule, RuleType

_LEGACY: Final[Mapping[str, RuleType]] = {
    "global": "COMMON",
    "identify": "IDENTIFY",
    "identify_traits": "IDENTIFY",
    "group": "GROUP",
    "group_traits": "GROUP",
}
_NAMELESS: Final = frozenset({"COMMON", "IDENTIFY", "GROUP"})
_BESIDE: Final = frozenset({"name", "rules", "schema", "jsonSchema", "version"})
_NO_TIME: Final = "0001-"
"""How Segment writes a time that is not set."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a plan is made of."""

    rules: list[Rule]
    name: str = ""
    id: str = ""
    description: str = ""
    source: str = "<plan>"


def parts_of(document: Any, place: Place) -> Parts:
    """
    The parts of the plan that *document*, decoded JSON, is.

    Raises:
        PlanError: It has none of the forms, or a rule in it is of the wrong shape.
    """
    if isinstance(document, Mapping) and isinstance(document.get("data"), Mapping):
        document, place = document["data"], place.at("data")
        _refuse_one_page(document, place)
    if isinstance(document, list):
        return Parts(_rules(document, place), source=place.source)
    if not isinstance(document, Mapping):
        raise place.wrong(
            "is no tracking plan: it must be a list of rules, or an object with rules,"
            f" not {_kind(document)}"
        )
    about = document.get("trackingPlan")
    if "rules" not in document and isinstance(about, Mapping) and "rules" in about:
        document, place = about, place.at("trackingPlan")
    rules = document.get("rules")
    if isinstance(rules, Mapping):
        found = _legacy(rules, place.at("rules"))
    elif isinstance(rules, list):
        found = _rules(rules, place.at("rules"))
    else:
        raise place.wrong(
            "has no list of rules: Segment's API gives them at"
            " /tracking-plans/{id}/rules, apart from the plan itself"
        )
    named = about if isinstance(about, Mapping) else document
    return _named(named, found, place)


def _named(about: Mapping[str, Any], rules: list[Rule], place: Place) -> Parts:
    """*rules* with the name of the plan, which the old form has in `display_name`."""
    name, id_ = about.get("name"), about.get("id")
    if "display_name" in about:
        id_ = id_ or str(name or "").rpartition("/")[2]
        name = about["display_name"]
    return Parts(
        rules,
        name=_text(name),
        id=_text(id_),
        description=_text(about.get("description")),
        source=place.source,
    )


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""


def _refuse_one_page(data: Mapping[str, Any], place: Place) -> None:
    pages = data.get("pagination")
    if isinstance(pages, Mapping) and pages.get("next"):
        raise place.at("pagination", "next").wrong(
            "is one page of several: ask for the others with pagination.cursor, and"
            " put the rules of all into one list"
        )


def _rules(rules: list[Any], place: Place) -> list[Rule]:
    return [rule_of(one, place.at(index)) for index, one in enumerate(rules)]


def rule_of(found: Any, place: Place, *, type_: RuleType | None = None) -> Rule:
    """
    The rule that *found*, an object of the Public API, is.

    Args:
        found: Decoded JSON.
        place: Where it stands.
        type_: Its type, where it gives none.

    Raises:
        PlanError: It is of the wrong shape.
    """
    if not isinstance(found, Mapping):
        raise place.wrong(f"a rule must be an object, not {_kind(found)}")
    key = found.get("key") or ""
    if not isinstance(key, str):
        raise place.at("key").wrong(f"key must be a text, not {_kind(key)}")
    place = place.of(key)
    kind = found.get("type", type_)
    if kind not in RULE_TYPES:
        raise place.at("type").wrong(f"type must be one of {', '.join(RULE_TYPES)}")
    if kind == "TRACK" and not key:
        raise place.at("key").wrong("a TRACK rule needs the event's name as its key")
    schema = found.get("jsonSchema")
    if not isinstance(schema, Mapping):
        raise place.at("jsonSchema").wrong(
            f"jsonSchema must be an object, not {_kind(schema)}"
        )
    return Rule(
        type=kind,
        key="" if kind in _NAMELESS else key,
        version=_version(found.get("version"), place.at("version")),
        schema=schema,
        labels=_labels(found.get("labels"), place.at("labels")),
        is_deprecated=_deprecated(found.get("deprecatedAt"), place.at("deprecatedAt")),
        source=place.source,
        pointer=place.at("jsonSchema").pointer,
    )


def _version(found: Any, place: Place) -> int:
    if found is None:
        return OLDEST
    if type(found) is not int or found < 1:
        raise place.wrong("version must be a whole number from 1")
    return found


def _labels(found: Any, place: Place) -> dict[str, str]:
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise place.wrong(f"labels must be an object, not {_kind(found)}")
    return {key: str(text) for key, text in found.items()}


def _deprecated(found: Any, place: Place) -> bool:
    if found is None:
        return False
    if not isinstance(found, str):
        raise place.wrong(f"deprecatedAt must be a time as text, not {_kind(found)}")
    return bool(found) and not found.startswith(_NO_TIME)


def _legacy(rules: Mapping[str, Any], place: Place) -> list[Rule]:
    """The rules of the old form: events, and under other names those for all."""
    events = rules.get("events", [])
    if not isinstance(events, list):
        raise place.at("events").wrong(f"events must be a list, not {_kind(events)}")
    unknown = set(rules) - {"events", *_LEGACY}
    if unknown:
        raise place.at(min(unknown)).wrong(
            f"is no part of a plan: the parts are events, {', '.join(_LEGACY)}"
        )
    found = [_event(one, place.at("events", at)) for at, one in enumerate(events)]
    for part, kind in _LEGACY.items():
        if inner := rules.get(part):
            found += _for_all(inner, kind, place.at(part))
    return found


def _event(found: Any, place: Place) -> Rule:
    if not isinstance(found, Mapping):
        raise place.wrong(f"an event must be an object, not {_kind(found)}")
    schema = found.get("rules")
    if isinstance(schema, Mapping) and found.get("description"):
        schema = {"description": found["description"], **schema}
    pairs = {"key": found.get("name"), "type": "TRACK", "jsonSchema": schema}
    kept = {key: found[key] for key in ("version", "labels") if key in found}
    if not isinstance(pairs["key"], str) or not pairs["key"]:
        raise place.at("name").wrong("an event needs its name as text")
    if not isinstance(schema, Mapping):
        raise (
            place.of(pairs["key"])
            .at("rules")
            .wrong(f"rules must be an object, not {_kind(schema)}")
        )
    rule = rule_of({**pairs, **kept}, place)
    return _moved(rule, place.at("rules"))


def _moved(rule: Rule, place: Place) -> Rule:
    return replace(rule, pointer=place.pointer)


def _for_all(found: Any, kind: RuleType, place: Place) -> Iterable[Rule]:
    """
    The rule of *kind*: given as a schema of the message or of the traits, or as a list.

    A list has an object a trait, ``{"name", "description", "rules"}``, or one a
    version, whose ``rules`` speak of the whole message.
    """
    if isinstance(found, Mapping):
        return [_wrapped(found, kind, place)]
    if not isinstance(found, list):
        raise place.wrong(f"must be an object or a list, not {_kind(found)}")
    whole: list[Rule] = []
    traits = _Traits()
    for index, one in enumerate(found):
        here = place.at(index)
        if not isinstance(one, Mapping):
            raise here.wrong(f"must be an object, not {_kind(one)}")
        schema = one.get("rules", one.get("schema", one.get("jsonSchema")))
        if isinstance(schema, Mapping) and (kind == "COMMON" or of_message(schema)):
            version = _version(one.get("version"), here.at("version"))
            whole.append(_wrapped(schema, kind, here.at("rules"), version))
        else:
            traits.add(one, schema, here)
    if traits.known:
        whole.insert(0, _wrapped(traits.schema, kind, place))
    return whole


class _Traits:
    """The schema of traits that are listed one by one."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self._needed: list[str] = []

    def add(self, found: Mapping[str, Any], schema: Any, place: Place) -> None:
        """Add one trait, whose keywords are in *schema* or beside its name."""
        name = found.get("name")
        if not isinstance(name, str) or not name:
            raise place.at("name").wrong("a trait needs its name as text")
        beside = {key: one for key, one in found.items() if key not in _BESIDE}
        if isinstance(beside.get("required"), bool) and beside.pop("required"):
            self._needed.append(name)
        self.known[name] = {**beside, **(schema if isinstance(schema, Mapping) else {})}

    @property
    def schema(self) -> dict[str, Any]:
        """That of all traits together."""
        needed = {"required": self._needed} if self._needed else {}
        return {"type": "object", "properties": self.known, **needed}


def _wrapped(
    schema: Mapping[str, Any], kind: RuleType, place: Place, version: int = OLDEST
) -> Rule:
    whole = schema if kind == "COMMON" else around(schema, kind)
    return Rule(
        type=kind,
        version=version,
        schema=whole,
        source=place.source,
        pointer=place.pointer,
    )


def _kind(found: object) -> str:
    """What JSON calls the type of *found*."""
    if found is None:
        return "null"
    names = {bool: "true or false", str: "a text", int: "a number", float: "a number"}
    names |= {list: "a list", dict: "an object"}
    return names.get(type(found), type(found).__name__)
