"""Pairs of small plans that differ a little, and messages for them."""

from segment_integrations.plan.tracking import TrackingPlan

VALUES = [None, True, 0, 1, 2, 2.5, "a", "b", "ab"]
NAMES = ["a", "b", "c"]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]
COUNTS = [0, 1, 2]


def rule(facts=None, *, key="Order Completed", version=1, type_="TRACK", **more):
    """A rule of the Public API whose properties have the schema *facts*."""
    place = "traits" if type_ in {"IDENTIFY", "GROUP"} else "properties"
    schema = {"type": "object"}
    if facts is not None:
        schema["properties"] = {place: facts}
    return {
        "key": key,
        "type": type_,
        "version": version,
        "jsonSchema": schema,
        **more,
    }


def plan(*rules):
    return TrackingPlan.of({"trackingPlan": {"name": "p"}, "rules": list(rules)})


def pairs(random, count):
    """
    Old plan, new plan, and messages of the one event, *count* times.

    Made by *random* rather than by strategies, which take a hundred times as long for
    schemas of so many keywords.
    """
    maker = Maker(random)
    for _ in range(count):
        yield maker.pair()


class Maker:
    """Makes schemas and values out of very few words, so that they meet often."""

    def __init__(self, random):
        self.random = random
        self.one_of = random.choice

    def some(self, make, most=2, least=0):
        return [make() for _ in range(self.random.randint(least, most))]

    def named(self, make, names=NAMES):
        return {self.one_of(names): make() for _ in range(self.random.randint(0, 2))}

    def json(self, depth=2):
        kind = self.random.random()
        if depth and kind < 0.25:
            return self.some(lambda: self.json(depth - 1), most=3)
        if depth and kind < 0.45:
            return self.named(lambda: self.json(depth - 1))
        return self.one_of(VALUES)

    def schema(self, depth=2):
        if self.random.random() < 0.1:
            return self.one_of([True, False])
        keywords = self.some(lambda: self.keyword(depth), most=3)
        return dict(keywords)

    def keyword(self, depth):
        below = lambda: self.schema(depth - 1)  # noqa: E731 - it is one of the makers
        plain = {
            "type": lambda: self.one_of(
                [self.one_of(TYPES), self.random.sample(TYPES, self.one_of([1, 2, 3]))]
            ),
            "enum": lambda: self.random.sample(VALUES, self.one_of([1, 2, 3])),
            "const": lambda: self.one_of(VALUES),
            "pattern": lambda: self.one_of(["a|b", "a|b|ab", "^a", "b$", "a"]),
            "multipleOf": lambda: self.one_of([1, 2, 0.5]),
            "uniqueItems": lambda: self.one_of([True, False]),
            "required": lambda: self.random.sample(NAMES, self.one_of([0, 1, 2])),
            "title": lambda: self.one_of(["x", "y"]),
            "format": lambda: self.one_of(["date-time", "email"]),
        }
        for name in (
            *["minLength", "maxLength", "minItems", "maxItems", "minProperties"],
            *["maxProperties", "minimum", "maximum"],
            *["exclusiveMinimum", "exclusiveMaximum"],
        ):
            plain[name] = lambda: self.one_of(COUNTS)
        nested = {
            "properties": lambda: self.named(below),
            "patternProperties": lambda: self.named(below, ["a", "b|c"]),
            "items": lambda: self.one_of([below(), below(), self.some(below, least=1)]),
        }
        for name in (
            *["additionalProperties", "additionalItems", "propertyNames", "contains"],
            *["not", "if", "then", "else"],
        ):
            nested[name] = below
        for name in ("allOf", "anyOf", "oneOf"):
            nested[name] = lambda: self.some(below, least=1)
        makers = nested if depth and self.random.random() < 0.6 else plain
        often = ["properties", "items", "then", "not"] if makers is nested else ["type"]
        name = self.one_of([*makers, *often])
        return name, makers[name]()

    def facts(self):
        schema = {"properties": self.named(self.schema)}
        if self.random.random() < 0.2:
            schema["if"] = self.schema(1)
        return {**schema, **dict(self.some(lambda: self.keyword(2), most=3))}

    def mutated(self, schema, depth=2):
        """*schema* with one place changed, so that most of what was valid still is."""
        if not isinstance(schema, dict) or not schema or self.random.random() < 0.1:
            return self.schema(depth)
        name = self.one_of([*schema])
        value = schema[name]
        kind = self.random.random()
        if kind < 0.3:
            return {**schema, **dict([self.keyword(depth)])}
        if kind < 0.5:
            return {key: one for key, one in schema.items() if key != name}
        if name in {"properties", "patternProperties"}:
            key = self.one_of([*value, *NAMES])
            changed = self.mutated(value.get(key), depth - 1)
            return {**schema, name: {**value, key: changed}}
        if isinstance(value, dict):
            return {**schema, name: self.mutated(value, max(depth - 1, 0))}
        if isinstance(value, list) and any(isinstance(one, dict) for one in value):
            place = self.random.randrange(len(value))
            changed = [*value]
            changed[place] = self.mutated(value[place], max(depth - 1, 0))
            return {**schema, name: changed}
        return {**schema, **dict([self.keyword(depth)])}

    def pair(self):
        type_ = self.one_of(["TRACK", "TRACK", "TRACK", "IDENTIFY", "PAGE"])
        key = "Order Completed" if type_ == "TRACK" else ""
        old = self.facts()
        new = self.mutated(old)
        common = self.facts() if self.random.random() < 0.2 else None
        commons = [common, self.one_of([common, None, self.mutated(common)])]
        if common is None:
            commons[1] = self.one_of([None, None, None, commons[1]])
        plans = []
        for schema, for_all in zip([old, new], commons, strict=True):
            rules = [rule(schema, type_=type_, key=key)]
            if for_all is not None:
                rules.append(rule(for_all, type_="COMMON", key=""))
                rules[-1]["jsonSchema"]["properties"]["traits"] = for_all
            plans.append(plan(*rules))
        place = "traits" if type_ == "IDENTIFY" else "properties"
        message = {"type": type_.lower(), "event": "Order Completed"}
        messages = [{**message, place: self.named(self.json)} for _ in range(20)]
        return *plans, messages
