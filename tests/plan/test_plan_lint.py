"""`lint` and the checks of `plan check`: what they find, and what they let be."""

import re
import time
from pathlib import Path

import pytest
from plan_diff_bench import plan, rule

from segment_integrations import spec
from segment_integrations.core.event import Declared
from segment_integrations.errors import ConfigurationError
from segment_integrations.plan import exported
from segment_integrations.plan.linting import lint as linting
from segment_integrations.plan.linting import sound
from segment_integrations.plan.linting.lint import RULES, lint
from segment_integrations.plan.linting.patterns import has_negative_lookahead, refused
from segment_integrations.plan.linting.sound import faults
from segment_integrations.plan.names import events as names_events
from segment_integrations.plan.names.segment import SEMANTIC
from segment_integrations.plan.names.words import in_style, style_of, titled, words


def event(name="Order Completed", required=(), **properties):
    facts = {"type": "object", "properties": properties}
    if required:
        facts["required"] = [*required]
    return rule(facts, key=name)


def linted(*rules, ignore=("description",)):
    return [(one.rule, one.title) for one in lint(plan(*rules), ignore=ignore)]


def found(*rules):
    """Level, rule and place below the properties of what the checks find."""
    prefix = "/rules/0/jsonSchema/properties/properties"
    return [
        (one.level, one.rule, one.place.removeprefix(prefix))
        for one in faults(plan(*rules))
        if one.rule != "keyword"
    ]


STRING = {"type": "string"}
_MATCHED = "patternProperties/(?!a)"
_INSIDE = "items/if/required"


@pytest.mark.parametrize(
    ("command", "rules"), [("check", sound.RULES), ("lint", linting.RULES)]
)
def test_the_docs_list_each_rule(command, rules):
    """The page on the tools has a row for each rule, in their order."""
    page = (Path(__file__).parents[2] / "docs/plan/tools.md").read_text()
    part = page.partition(f"## `plan {command}`")[2].partition("\n## ")[0]

    assert [*rules] == re.findall(r"^\| `([\w-]+)` \|", part, re.MULTILINE)


# -- names -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parts", "style", "camel", "snake"),
    [
        ("userId", ["user", "Id"], "camelCase", "userId", "user_id"),
        ("user_id", ["user", "id"], "snake_case", "userId", "user_id"),
        ("userID", ["user", "ID"], "camelCase", "userId", "user_id"),
        ("email", ["email"], "", "email", "email"),
        ("line2", ["line2"], "", "line2", "line2"),
        ("line_2", ["line", "2"], "snake_case", "line2", "line_2"),
        ("HTMLPage", ["HTML", "Page"], None, "htmlPage", "html_page"),
        ("Order ID", ["Order", "ID"], None, "orderId", "order_id"),
        ("größe", ["größe"], "", "größe", "größe"),
        ("", [], None, "", ""),
    ],
)
def test_words_of_a_name(name, parts, style, camel, snake):
    """A name is taken apart at signs and humps, and put together in either style."""
    assert parts == words(name)
    assert style == style_of(name)
    assert camel == in_style(name, "camelCase")
    assert snake == in_style(name, "snake_case")


def test_title_case():
    """Small words stay small between others, and short names of things stay big."""
    assert "Product Added to Cart" == titled("product_added_to_cart")
    assert "PDF Signed In" == titled("PDF signed in")


GOOD = [
    *["Signed Up", "Feature Used", "Error Encountered", "PDF Downloaded"],
    *["iOS App Opened", "2FA Enabled", "404 Page Viewed", "E-mail Sent"],
    *["Sign-Up Completed", "Sign-up Completed", "Item Added to Cart", "Blog Post Read"],
    *["GitHub Account Connected", "A/B Test Viewed", "Terms & Conditions Accepted"],
    *["Order Completed (Web)", "Step 2 Completed", "Booking Paid", "User Logged In"],
    *["File Re-uploaded", "OAuth Token Issued", "Newsfeed Scrolled", "Bid Placed"],
    *["注文完了", "Order Placed Successfully", "Bestellung Gesendet Read"],
]


@pytest.mark.parametrize("name", [*GOOD, *sorted(SEMANTIC)])
def test_good_names_of_events(name):
    """Object and action in Title Case pass, and so does all that Segment named."""
    assert [] == [*names_events.case_faults(name), *names_events.order_faults(name)]
    assert names_events.data_in(name) is None


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("order completed", ["event-case"]),
        ("order_completed", ["event-case"]),
        ("OrderCompleted", ["event-case"]),
        ("ORDER COMPLETED", ["event-case"]),
        ("Order completed", ["event-case"]),
        ("Order  Completed", ["event-case"]),
        ("Signed in", ["event-case"]),
        ("button_click", ["event-case", "event-order"]),
        ("Complete Order", ["event-order"]),
        ("Completed Order", ["event-order"]),
        ("Page View", ["event-order"]),
        ("Newsfeed", ["event-order"]),
        ("Clicked", ["event-order"]),
        ("Signed Up (11-01-2019)", ["event-data"]),
        ("Order 123456 Completed", ["event-data"]),
        ("User joe@example.com Invited", ["event-case", "event-data"]),
        ("User 2c9c1a3e-5b6f-4c1d-9a57-0b6c4f1d2e3f Invited", ["event-data"]),
    ],
)
def test_bad_names_of_events(name, rules):
    """Each kind of fault has its rule; a name may have several."""
    assert rules == [one for one, _ in linted(event(name))]


def test_long_names_take_no_long_time():
    """A name of the size of a whole event is looked at once."""
    began = time.process_time()
    for text in ("a" * 40_000, "1 " * 20_000, "(" * 40_000, "a@" * 20_000):
        [*names_events.case_faults(text), *names_events.order_faults(text)]
        names_events.data_in(text)
    assert time.process_time() - began < 20  # one that explodes takes minutes


# -- properties --------------------------------------------------------------------


def test_the_majority_has_the_spelling():
    """A name in another spelling than most is told once, with where else it is."""
    most = event("Cart Viewed", cartId=STRING, itemCount=STRING)
    odd = event("Trip Booked", trip_id=STRING, email=STRING)
    again = event("Trip Ended", trip_id=STRING)

    (one,) = lint(plan(most, odd, again), ignore=["description"])

    assert ("error", "property-case") == (one.level, one.rule)
    assert "'trip_id' is not in camelCase" in one.text
    assert "write 'tripId'; also in track 'Trip Ended'" in one.text
    assert one.place.endswith("/properties/properties/properties/trip_id")


def test_a_tie_is_won_by_snake_case():
    """Segment recommends snake_case for properties."""
    rules = linted(event("Trip Booked", trip_id=STRING, cityName=STRING))
    assert [("property-case", "track 'Trip Booked'")] == rules


def test_what_segment_spells_passes():
    """Reserved traits and properties of semantic events are as the spec has them."""
    user = rule({"properties": {"firstName": {}}}, type_="IDENTIFY", key="")
    semantic = event("Order Completed", order_id=STRING)

    assert [] == linted(user, event("Trip Booked", trip_id=STRING))
    assert [] == linted(semantic, event("Trip Booked", tripId=STRING, orderId=STRING))


def test_one_property_in_two_spellings():
    """The same words are one property, whatever joins them, at any depth."""
    one = event("Trip Booked", user_id=STRING)
    inner = {"type": "object", "properties": {"userid": STRING}}
    two = event("Trip Ended", riders={"type": "array", "items": inner})

    assert [("property-spelling", "track 'Trip Ended'")] == linted(one, two)


def test_one_property_of_two_types():
    """Types that a warehouse tells apart, in the newest versions, at the same path."""
    one = event("Trip Booked", price=STRING)
    two = event("Trip Ended", price={"type": "number"})
    newer = {**event("Trip Booked", price={"type": ["integer", "null"]}), "version": 2}

    assert [("property-type", "track 'Trip Ended'")] == linted(one, two)
    assert [] == linted(one, newer, two)


def test_segments_own_events_pass():
    """A plan exported from `segment_integrations.spec` has no error."""
    classes = [one for one in vars(spec).values() if isinstance(one, Declared)]
    every = exported(classes)

    assert len(classes) == len(every.rules) > 70
    assert [] == [one for one in lint(every) if one.level == "error"]
    assert [] == [one for one in faults(every) if one.level == "error"]


def test_a_promotions_place_is_the_only_property_of_two_types():
    """Other properties of Segment's events are still compared with those of others."""
    own = event("Trip Booked", position=STRING, price=STRING)
    two = {"position": {"type": "number"}, "price": {"type": "number"}}

    assert [] == linted(
        event("Promotion Viewed", position=STRING), event("Product Viewed", **two)
    )
    assert [("property-type", "track 'Product Viewed'")] * 2 == linted(
        own, event("Product Viewed", **two)
    )


def test_signs_in_names():
    """A dot, a dollar sign or a space at an end makes trouble further on."""
    assert [("property-signs", "track 'Trip Booked'")] * 2 == linted(
        event("Trip Booked", **{"trip.id": STRING, "$city": STRING})
    )


def test_descriptions_are_only_noted():
    """What has no description is listed, and fails nothing."""
    notes = lint(plan(event("Trip Booked", a={"description": "x"}, b=STRING)))

    assert {("note", "description")} == {(one.level, one.rule) for one in notes}
    assert ["the event has no description", "without a description: b"] == [
        one.text for one in notes
    ]


def test_rules_can_be_left_out():
    """Each rule has a name that leaves it out; a name that is none is told."""
    bad = event("clicked 123456", **{"a.b": STRING, "c_d": STRING, "cD": STRING})
    rules = {one.rule for one in lint(plan(bad))}

    assert set(RULES) - {"property-type"} == rules
    assert [] == lint(plan(bad), ignore=RULES)
    with pytest.raises(ConfigurationError, match="'colour' is no rule of lint"):
        lint(plan(bad), ignore=["colour"])


def test_deprecated_rules_are_left_alone():
    """Nobody renames what is on its way out."""
    old = {**event("old event"), "deprecatedAt": "2026-01-01T00:00:00Z"}
    assert [] == linted(old)


# -- soundness ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"pattern": "^(?!a)"}, ("error", "lookahead", "pattern")),
        ({"pattern": "(?=a)a"}, ("error", "pattern", "pattern")),
        ({"patternProperties": {"(?!a)": {}}}, ("error", "lookahead", _MATCHED)),
        ({"type": "string", "enum": ["a", 1]}, ("error", "enum", "enum")),
        ({"type": "string", "const": 1}, ("error", "enum", "const")),
        ({"type": ["string", "null"], "enum": ["a"]}, ("warning", "enum", "enum")),
        ({"minimum": 2, "maximum": 1}, ("error", "bounds", "minimum")),
        ({"minimum": 1, "exclusiveMaximum": 1}, ("error", "bounds", "minimum")),
        ({"minLength": 2, "maxLength": 1}, ("error", "bounds", "minLength")),
        ({"minItems": 2, "maxItems": 1}, ("error", "bounds", "minItems")),
        ({"type": "integer", "pattern": "a"}, ("warning", "useless", "pattern")),
        ({"required": ["b"]}, ("error", "required", "required")),
        ({"items": {"if": {"required": ["b"]}}}, ("error", "required", _INSIDE)),
    ],
)  # fmt: skip
def test_what_makes_a_rule_useless(schema, expected):
    """Each fault has a level, a name and its place."""
    level, name, keyword = expected
    assert [(level, name, f"/properties/a/{keyword}")] == found(event(a=schema))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "enum": [1, 2.0]},
        {"type": ["string", "null"], "enum": ["a", None]},
        {"minimum": 1, "maximum": 1},
        {"required": ["b"], "additionalProperties": True},
        {"required": ["b"], "patternProperties": {"b": {}}},
        {"properties": {"b": {}}, "then": {"required": ["b"]}},
        {"not": {"required": ["b"]}},
        {"pattern": r"^\d{1,3}\.(?:a|b)+?[a-z\-]$"},
    ],
)
def test_what_is_sound(schema):
    """What can be kept to is no fault."""
    assert [] == found(event(a=schema))


def test_what_the_common_rule_plans_can_be_required():
    """A rule may require a name of the common one, and no name that neither has."""
    facts = {"properties": {"tenant": STRING}}
    common = rule(facts, key="", type_="COMMON")

    assert [] == found(event(required=["tenant"]), common)
    assert [("error", "required", "/required")] == found(
        event(required=["tenant", "host"]), common
    )
    inner = {"type": "object", "required": ["tenant"]}
    assert [("error", "required", "/properties/a/required")] == found(
        event(a=inner), common
    )


def test_faults_of_versions():
    """A gap is told, and so is code that would be made of a deprecated version."""
    three = {**event(), "version": 3, "deprecatedAt": "2026-01-01T00:00:00Z"}

    findings = faults(plan(event(), three))

    assert [("warning", "version-gap"), ("error", "version-deprecated")] == [
        (one.level, one.rule) for one in findings
    ]
    assert [] == faults(plan({**three, "version": 1}))


def test_faults_of_events():
    """Names that only look different, and names that are Segment's, are told."""
    rules = [event(), event("order  completed"), event("Violation Generated")]
    findings = faults(plan(*rules, event("Segment Consent Preference Updated")))

    assert [
        ("error", "event-twice", "track 'order  completed'"),
        ("error", "event-reserved", "track 'Violation Generated'"),
        ("note", "event-reserved", "track 'Segment Consent Preference Updated'"),
    ] == [(one.level, one.rule, one.title) for one in findings]


def test_limits():
    """What Segment drops is an error, and what it does not show a warning."""
    many = event(**{f"p{number}": {} for number in range(301)})
    more = event("Trip Booked", **{f"p{number}": {} for number in range(10_001)})
    long = event("x" * 513)

    assert [("warning", 0), ("error", 1), ("warning", 2)] == [
        (one.level, int(one.place.split("/")[2]))
        for one in faults(plan(many, more, long))
    ]


def test_undocumented_keywords_are_noted_once():
    """However many rules have one, it is one note, of what does nothing too."""
    rules = [
        event(f"Trip {done}", a={"minimum": 1, "x-odd": 1, "format": "email"})
        for done in ("Booked", "Ended")
    ]
    findings = faults(plan(*rules))

    assert [("note", "keyword")] * 3 == [(one.level, one.rule) for one in findings]
    assert "minimum, here and in 1 more" in findings[0].text
    assert "x-odd is no keyword" in findings[1].text
    assert "format 'email'" in findings[2].text


@pytest.mark.parametrize(
    "pattern",
    [
        *["(?=a)", "(?<=a)", "(?<!a)", "(?>a)", r"(a)\1", r"(?<n>a)\k<n>", r"\u00e9"],
        *["a++", "a{2}{3}", "a{1001}", r"\Z", "(?#a)", "(?x)a", r"\cA"],
    ],
)
def test_what_the_engine_does_not_take(pattern):
    """RE2 has no look-around, no references back and no possessive repetition."""
    assert 1 == len([*refused(pattern)])
    assert not has_negative_lookahead(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *["a|b", "^[a-z]+?$", "(?:a)", "(?i)a", "(?i:a)", "(?P<n>a)", r"\x{e9}\pL"],
        *[r"[\]?!(=]", r"\(?!", r"[(?!]", r"\Q(?!\E", "a{2,3}?", "[]a]", "é", r"\\1"],
        *["", "a{", "{}", r"[^]\d]", "(", "[", "\\"],
    ],
)
def test_what_the_engine_takes(pattern):
    """What only looks like such a thing is let be, and so is what is no expression."""
    assert [] == [*refused(pattern)]
    assert not has_negative_lookahead(pattern)
