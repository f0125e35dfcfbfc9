"""Plans made by hypothesis, and what a generated module is when it is imported."""

import sys
from contextlib import contextmanager
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
Every module that was imported: msgspec 0.22 crashes in the garbage collection of
classes, which no application has any of.
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
    that are sets, and the dialect's name, as a plan without one is of draft-07.
    """
    rules = {
        (rule.type, rule.key, rule.version): (
            ordered("", {"$schema": DIALECT, **rule.schema}),
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


def _keywords(schema):
    """Each keyword that Protocols documents, some of JSON Schema, and one of no one."""
    names = st.lists(NAMES, max_size=2, unique=True)
    return {
        "description": WORDS,
        "title": TEXTS,
        "id": st.just("/properties/properties/properties/x"),
        "enum": st.lists(SCALARS, min_size=1, max_size=4, unique_by=repr),
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


@st.composite
def schemas(draw, depth=0):
    """A schema: most as Segment's editor writes them, some of any keywords."""
    chance = draw(st.integers(0, 9))
    if chance == 0:
        return draw(st.booleans())
    inner = schemas(depth + 1) if depth < 3 else st.just({})
    types = st.sampled_from([*KINDS, "object", "object", "array", "string"])
    several = st.lists(types, min_size=1, max_size=3, unique=True)
    found = {} if chance == 1 else {"type": draw(several if chance == 2 else types)}
    if chance > 3 and isinstance(kind := found["type"], str) and kind != "null":
        found["type"] = [kind, "null"] if chance == 9 else kind
        if kind == "object" and depth < 3:
            found |= draw(_fields(inner))
        elif kind == "array":
            found["items"] = draw(inner)
        elif kind == "string":
            found |= draw(
                st.sampled_from([{}, {"enum": ["b", "a"]}, {"pattern": "a|b"}])
            )
    keywords = _keywords(inner)
    few = draw(st.lists(st.sampled_from(sorted(keywords)), max_size=3, unique=True))
    return {**{word: draw(keywords[word]) for word in few}, **found}


@st.composite
def _fields(draw, schema):
    """The keywords of an object with properties."""
    found = draw(st.dictionaries(NAMES, schema, min_size=1, max_size=4))
    needed = [name for name in found if draw(st.booleans())]
    return {"properties": found, **({"required": needed} if needed else {})}


@st.composite
def rules(draw):
    """A rule of the Public API."""
    type_ = draw(st.sampled_from(["TRACK"] * 4 + [*RULE_TYPES]))
    named = {"TRACK": EVENTS, "PAGE": EVENTS | st.just(""), "SCREEN": EVENTS}
    place = "traits" if type_ in {"IDENTIFY", "GROUP"} else "properties"
    facts = {"type": "object", **draw(_fields(schemas(1)))}
    parts = {"context": {}, "traits": {"type": "object"}} | {place: facts}
    shape = draw(st.integers(0, 9))
    if shape == 0:
        schema = draw(schemas())
    else:
        some = draw(st.lists(st.sampled_from(sorted(parts)), unique=True))
        wanted = {place: facts} if shape < 8 else {}
        inner = {**{part: parts[part] for part in some}, **wanted}
        schema = {"type": "object", "properties": inner}
        if shape > 4:
            keywords = _keywords(schemas(2))
            word = draw(st.sampled_from(sorted(set(keywords) - {"properties"})))
            facts[word] = draw(keywords[word])
            word = draw(st.sampled_from(["description", "required", "if", "x-owner"]))
            schema[word] = draw(keywords[word])
    return {
        "key": draw(named.get(type_, st.just(""))),
        "type": type_,
        "version": draw(st.sampled_from([1, 1, 1, 2, 3])),
        "jsonSchema": schema if isinstance(schema, dict) else {},
        **draw(st.sampled_from([{}, {}, {"labels": {"owner": '"'}}, DEPRECATED])),
    }


DEPRECATED = {"deprecatedAt": "2024-01-01T00:00:00.000Z"}
EVENTS = (
    st.sampled_from(["Order Completed", "order_completed", "Order Completed V1", "Any"])
    | ODD
    | TEXTS
).filter(bool)
DOCUMENTS = st.fixed_dictionaries(
    {
        "trackingPlan": st.fixed_dictionaries(
            {}, optional={"name": TEXTS, "id": TEXTS, "description": WORDS}
        ),
        "rules": st.lists(
            rules(),
            min_size=1,
            max_size=3,
            unique_by=lambda one: (one["type"], one["key"], one["version"]),
        ),
    }
)
"""Plans in the form of the Public API: all types and keywords, and odd names."""
