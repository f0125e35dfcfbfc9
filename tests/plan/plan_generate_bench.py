"""Plans made by hypothesis, and what a generated module is when it is imported."""

import sys
from contextlib import contextmanager
from functools import cache
from types import ModuleType

from hypothesis import strategies as st

from segment_integrations.core.event import Declared
from segment_integrations.plan import exported
from segment_integrations.plan.rules import RULE_TYPES

DIALECT = "http://json-schema.org/draft-07/schema#"
SETS = {"enum", "required", "type"}
"""Keywords whose lists have no order."""


_ALIVE = []
"""
Every module that was imported: a run that dropped thousands of classes was seen to
crash in the garbage collection, rarely, and no application drops its classes.
"""


@contextmanager
def imported(source, name="generated_events"):
    """The module that *source* is."""
    module = ModuleType(name)
    _ALIVE.append(module)
    sys.modules[name] = module  # where the annotations of classes are looked up
    try:
        exec(compile(source, f"{name}.py", "exec"), vars(module))
        yield module
    finally:
        del sys.modules[name]


def classes_of(module):
    """The typed events of a module, in their order."""
    return [
        one
        for one in vars(module).values()
        if isinstance(one, Declared) and one.__module__ == module.__name__
    ]


def sent_back(source):
    """The plan that is exported from the module that *source* is."""
    with imported(source) as module:
        return exported(classes_of(module), **module.PLAN)


def meaning(plan):
    """
    What two equivalent plans have in common, and others have not.

    It is all of a plan but the order of rules, of the keys of objects and of the lists
    that are sets.
    """
    rules = {
        (rule.type, rule.key, rule.version): (
            ordered("", rule.schema),
            dict(rule.labels),
            rule.is_deprecated,
        )
        for rule in plan.rules
    }
    return plan.name, plan.id, plan.description, rules


def ordered(key, value):
    """*value* of the keyword *key*, with each list that is a set in one order."""
    if isinstance(value, dict):
        return {name: ordered(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        items = [ordered("", inner) for inner in value]
        return sorted(items, key=repr) if key in SETS else items
    return type(value), value  # 1 is not 1.0, nor True


# -- plans -------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
ODD = st.sampled_from(
    [
        *["class", "None", "str", "field", "self", "Meta", "datetime", "__segment__"],
        *["orderId", "order_id", "order-id", "OrderID", "1st", "", " ", "\n", "\x00"],
        *['"', "'''", '"""', "\\", "${x}", "{x}", "%s", "\u202eabc", "🎉", "名前"],
        *['"""\nimport os\n"""', "\\N{DASH}", "x" * 100, "name", "version", "#", "é"],
    ]
)
NAMES = st.sampled_from(["email", "firstName", "total", "zip_code", "items"]) | ODD
SCALARS = st.sampled_from(
    [None, True, False, 0, 1, -7, 2**40, 2**65, 0.5, 1.0, 1e300, "", "a", "b", '"\\\n']
)
KINDS = ("array", "boolean", "integer", "null", "number", "object", "string")
WORDS = st.just("") | TEXTS | st.text("abc d.\n", max_size=200)


def _lists(values, least=0):
    return st.lists(values, min_size=least, max_size=3)


@cache
def _keywords(depth):
    """Each keyword that Protocols documents, some of JSON Schema, and one of no one."""
    schema = schemas(depth) if depth <= DEPTH else st.just({})
    names = st.lists(NAMES, max_size=2, unique=True)
    return {
        "description": WORDS,
        "title": TEXTS,
        "id": st.just("/properties/properties/properties/x"),
        "enum": st.lists(SCALARS, min_size=1, max_size=4, unique_by=repr) | ENUMS,
        "const": SCALARS,
        "format": st.sampled_from(["date-time", "date-time", "email"]),
        "pattern": st.sampled_from(["a|b", "^a+$", r"\d", "", '"', r"\p{L}", "\n"]),
        "minLength": st.sampled_from([0, 1, 2**33]),
        "maxLength": st.integers(0, 9),
        "minimum": st.sampled_from([0, -1, 0.5, 1.0, 2**65]),
        "maximum": st.sampled_from([9, 9.5]),
        "exclusiveMinimum": st.sampled_from([0, 0.5]),
        "exclusiveMaximum": st.sampled_from([9, 9.5]),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minItems": st.integers(0, 9),
        "maxItems": st.integers(0, 9),
        "uniqueItems": st.booleans(),
        "minProperties": st.integers(0, 9),
        "items": schema | _lists(schema, 1),
        "properties": st.dictionaries(NAMES, schema, max_size=3),
        "required": names,
        "additionalProperties": st.booleans() | schema,
        "patternProperties": st.dictionaries(st.just("^x"), schema, max_size=1),
        "default": SCALARS,
        "examples": _lists(SCALARS),
        "if": schema,
        "then": schema,
        "else": schema,
        "not": schema,
        "allOf": _lists(schema, 1),
        "anyOf": _lists(schema, 1),
        "dependencies": st.dictionaries(NAMES, names, max_size=1),
        "x-owner": SCALARS,
    }


@cache
def _some_keywords(depth):
    """The names of a few keywords."""
    return st.lists(st.sampled_from(sorted(_keywords(depth))), max_size=3, unique=True)


@st.composite
def _schema(draw, depth):
    chance = draw(TENTHS)
    if chance == 0:
        return draw(BOOLEANS)
    found = {} if chance == 1 else {"type": draw(SEVERAL if chance == 2 else TYPES)}
    if chance > 3 and isinstance(kind := found["type"], str) and kind != "null":
        found["type"] = [kind, "null"] if chance == 9 else kind
        if kind == "object" and depth < DEPTH:
            found |= draw(fields(depth + 1))
        elif kind == "array":
            found["items"] = draw(schemas(depth + 1)) if depth < DEPTH else {}
        elif kind == "string":
            found |= draw(STRINGS)
    keywords = _keywords(depth + 1)
    few = draw(_some_keywords(depth + 1))
    return {**{word: draw(keywords[word]) for word in few}, **found}


@st.composite
def _fields(draw, depth):
    found = draw(st.dictionaries(NAMES, schemas(depth), min_size=1, max_size=4))
    needed = draw(st.lists(st.sampled_from(list(found)), unique=True))
    return {"properties": found, **({"required": needed} if needed else {})}


schemas = cache(_schema)
"""Schemas, most as Segment's editor writes them, some of any keywords."""

fields = cache(_fields)
"""The keywords of an object with properties."""


@st.composite
def rules(draw):
    """A rule of the Public API."""
    type_ = draw(RULES)
    place = "traits" if type_ in {"IDENTIFY", "GROUP"} else "properties"
    shape = draw(TENTHS)
    facts = {"type": "object", **(draw(fields(1)) if shape != 3 else {})}
    parts = {"context": {}, "traits": {"type": "object"}} | {place: facts}
    if shape == 0:
        schema = draw(schemas(0))
    else:
        some = draw(PARTS)
        wanted = {place: facts} if shape < 8 else {}
        inner = {**{part: parts[part] for part in some if part in parts}, **wanted}
        schema = {"type": "object", "properties": inner}
        if shape > 4:
            keywords = _keywords(2)
            word = draw(st.sampled_from(sorted(set(keywords) - {"properties"})))
            facts[word] = draw(keywords[word])
            word = draw(st.sampled_from(["description", "required", "if", "x-owner"]))
            schema[word] = draw(keywords[word])
    return {
        "key": draw(NAMED.get(type_, NAMELESS)),
        "type": type_,
        "version": draw(VERSIONS),
        "jsonSchema": draw(DIALECTS) | (schema if isinstance(schema, dict) else {}),
        **draw(BESIDE),
    }


@st.composite
def documents(draw):
    """A plan; some write what says nothing as Segment's API does, here and there."""
    found = draw(st.lists(rules(), min_size=1, max_size=3, unique_by=_place))
    noise = draw(st.sampled_from([frozenset(), frozenset(NOISE)]) | st.sets(NOISES))
    if noise:
        least = draw(st.sampled_from([0, 0, 3, 7]))
        for rule in found:
            noisy(rule, noise, lambda: draw(TENTHS) >= least)
    return {"trackingPlan": draw(ABOUT), "rules": found}


def _place(rule):
    return rule["type"], rule["key"], rule["version"]


NOISE = ["description", "id", "type", "required", "properties", "needed", "parts"]


def noisy(rule, words, chosen):
    """Add what Segment's API writes and nobody needs, where it is *chosen*."""
    schema, place = rule["jsonSchema"], "properties"
    if rule["type"] in {"IDENTIFY", "GROUP"}:
        place = "traits"
    known = schema.get("properties")
    if "description" in words and chosen():
        schema.setdefault("description", "")
    if isinstance(known, dict):
        facts = known.get(place)
        if isinstance(facts, dict):
            if facts.get("required") and "needed" in words and chosen():
                schema["required"] = [place]
            _noisy(facts, f"/properties/{place}", words, chosen)
        if "parts" in words and chosen():
            known.setdefault("context", {})
            known.setdefault("traits", {"type": "object"})


def _noisy(schema, path, words, chosen):
    if "description" in words and chosen():
        schema.setdefault("description", "")
    if "id" in words and chosen():
        schema.setdefault("id", path)
    if "type" in words and isinstance(schema.get("type"), str) and chosen():
        schema["type"] = [schema["type"]]
    if "object" in schema.get("type", ()):
        for word, empty in (("required", []), ("properties", {})):
            if word in words and chosen():
                schema.setdefault(word, empty)
    for name, one in schema.get("properties", {}).items():
        if isinstance(one, dict):
            _noisy(one, f"{path}/properties/{name}", words, chosen)
    if isinstance(schema.get("items"), dict):
        _noisy(schema["items"], f"{path}/items", words, chosen)


DEPRECATED = {"deprecatedAt": "2024-01-01T00:00:00.000Z"}
EVENTS = (
    st.sampled_from(["Order Completed", "order_completed", "Order Completed V1", "Any"])
    | ODD
    | TEXTS
).filter(bool)

DEPTH = 3
TENTHS = st.integers(0, 9)
BOOLEANS = st.booleans()
TYPES = st.sampled_from([*KINDS, "object", "object", "array", "string"])
SEVERAL = st.lists(TYPES, min_size=1, max_size=3, unique=True)
LONG = [f"{'w' * size} {size}" for size in range(1, 30)]
ENUMS = st.sampled_from([LONG, LONG[-4:], list(range(12)), [*LONG[:9], None]])
"""Too long to stand in a field."""

STRINGS = st.sampled_from(
    [{}, {"enum": ["b", "a"]}, {"pattern": "a|b"}, {"pattern": "^(a+)+$"}]
)
RULES = st.sampled_from(["TRACK"] * 4 + [*RULE_TYPES])
DIALECTS = st.sampled_from(
    [
        {},
        {"$schema": DIALECT},
        {"$schema": "http://json-schema.org/draft-04/schema#"},
    ]
)
PARTS = st.lists(st.sampled_from(["context", "properties", "traits"]), unique=True)
NAMELESS = st.just("")
NAMED = {"TRACK": EVENTS, "PAGE": EVENTS | NAMELESS, "SCREEN": EVENTS}
VERSIONS = st.sampled_from([1, 1, 1, 2, 3])
BESIDE = st.sampled_from([{}, {}, {"labels": {"owner": '"'}}, DEPRECATED])
NOISES = st.sampled_from(NOISE)
ABOUT = st.fixed_dictionaries(
    {}, optional={"name": TEXTS, "id": TEXTS, "description": WORDS}
)
DOCUMENTS = documents()
"""Plans in the form of the Public API: all types and keywords, and odd names."""
