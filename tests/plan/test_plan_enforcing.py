"""What becomes of a message in the call itself: strict, blocked, mended, told."""

import json
import logging
import threading

import pytest
from plan_bench import (
    BAD_TYPE,
    DOCUMENT,
    EXTRA,
    GOOD,
    MISSING,
    SECRET,
    found,
    plan,
    protocols,
)

from segment_integrations import Analytics, InvalidEvent, PlanViolation, bind
from segment_integrations.core.message import EVENT_MAX_BYTES
from segment_integrations.plan.enforcing.mend import omit_violating
from segment_integrations.plan.enforcing.tell import (
    FORWARDS_A_MINUTE,
    KINDS_MAX,
    OTHERS,
    UNPLANNED_MAX,
)
from segment_integrations.plan.tracking import TrackingPlan
from segment_integrations.testing import capture


class Sink:
    """A sink of the user's own."""

    def __init__(self):
        self.put_messages = []

    def put(self, body, message):
        assert json.loads(body) == message
        self.put_messages.append(json.loads(body))


@pytest.fixture
def make():
    """Make an `Analytics` with the plan, and a sink."""
    made = []

    def start(mode=None, **settings):
        sink = Sink()
        settings.setdefault("plan", plan())
        made.append(Analytics("a-key", sink=sink, plan_mode=mode, **settings))
        return made[-1], sink.put_messages

    yield start
    for one in made:
        one.close()


def order(analytics, properties, **options):
    return analytics.track("Order Completed", properties, user_id="u1", **options)


def test_what_is_as_planned_is_left_alone(make):
    """A planned message carries no stamp, and nobody is told."""
    analytics, sent = make(on_violation=lambda *_: pytest.fail("nothing is wrong"))
    assert order(analytics, GOOD)
    assert None is protocols(sent[0])
    assert {} == analytics.stats().violations


def test_report_sends_all_as_it_is(make):
    """Reported, a message keeps its properties and says what is wrong."""
    analytics, sent = make("report")
    assert order(analytics, {**BAD_TYPE, "color": 1})
    assert {**BAD_TYPE, "color": 1} == sent[0]["properties"]
    assert [
        ("Invalid Type", "properties.revenue"),
        ("Unplanned Property", "properties.color"),
    ] == found(sent[0])
    assert {"violations"} == set(protocols(sent[0]))
    first = protocols(sent[0])["violations"][0]
    assert {"type", "field", "description"} == set(first)
    assert SECRET not in first["description"]


def test_omit_leaves_out_what_is_wrong(make):
    """Unplanned properties go, and so do those that break the plan."""
    analytics, sent = make("omit")
    assert order(analytics, {**BAD_TYPE, "color": 1})
    assert {"order_id": "o1"} == sent[0]["properties"]
    assert ["color"] == protocols(sent[0])["omitted"]
    assert ["revenue"] == protocols(sent[0])["omitted_on_violation"]
    assert 2 == len(found(sent[0]))


def test_omit_reports_what_can_not_be_mended(make):
    """What is missing stays missing: the message goes, and says so."""
    analytics, sent = make("omit")
    assert order(analytics, MISSING)
    assert MISSING == sent[0]["properties"]
    assert [("Required", "properties.order_id")] == found(sent[0])
    assert {"violations"} == set(protocols(sent[0]))


def test_omit_takes_a_property_out_of_one_item(make):
    """Within a list of objects only the property that is wrong goes."""
    analytics, sent = make("omit")
    products = [{"price": 1}, {"price": "x", "sku": "s"}]
    assert order(analytics, {**GOOD, "products": products})
    assert [{"price": 1}, {"sku": "s"}] == sent[0]["properties"]["products"]
    assert ["products.1.price"] == protocols(sent[0])["omitted_on_violation"]
    order(analytics, {**GOOD, "products": [7]})
    assert GOOD == sent[1]["properties"]


def test_omit_unplanned_leaves_the_rest_as_it_is(make):
    """Only what the plan does not have goes."""
    analytics, sent = make("omit_unplanned")
    assert order(analytics, {**BAD_TYPE, "color": 1})
    assert BAD_TYPE == sent[0]["properties"]
    assert ["color"] == protocols(sent[0])["omitted"]
    assert "omitted_on_violation" not in protocols(sent[0])


def test_omit_is_for_traits_too(make):
    """An identify loses what is unplanned and what is wrong among its traits."""
    analytics, sent = make("omit")
    assert analytics.identify("u1", {"plan": "gold", "age": 7})
    assert {} == sent[0]["traits"]
    assert ["age"] == protocols(sent[0])["omitted"]
    assert ["plan"] == protocols(sent[0])["omitted_on_violation"]
    assert {"identify: Enum": 1, "identify: Unplanned Property": 1} == dict(
        analytics.stats().violations
    )


def test_block_keeps_back_what_breaks_a_schema(make):
    """A blocked call returns None and is counted; what is unplanned goes through."""
    analytics, sent = make("block")
    assert None is order(analytics, BAD_TYPE)
    assert None is order(analytics, MISSING)
    assert order(analytics, EXTRA)
    assert analytics.track("Order Lost", user_id="u1")
    assert ["Order Completed", "Order Lost"] == [one["event"] for one in sent]
    assert {"plan_blocked": 2} == analytics.stats().dropped
    assert 1 == analytics.stats().violations["Order Completed: Required"]


def test_block_unplanned_keeps_back_events_without_a_plan(make):
    """An event is found by its exact name; other calls are not concerned."""
    analytics, sent = make("block_unplanned")
    assert None is analytics.track("order completed", GOOD, user_id="u1")
    assert order(analytics, BAD_TYPE)
    assert analytics.group("g1", {"x": 1}, user_id="u1")
    assert ["track", "group"] == [one["type"] for one in sent]
    assert {"unplanned": 1} == analytics.stats().dropped


def test_off_looks_at_nothing(make):
    """A call that is off is neither checked nor raised, strict mode included."""
    analytics, sent = make({"track": ["off"]}, strict=True)
    assert order(analytics, BAD_TYPE)
    assert None is protocols(sent[0])
    with pytest.raises(PlanViolation):
        analytics.identify("u1", {"plan": "gold"})


def test_forward_sends_segments_own_event(make):
    """Each violation is also an event of Segment's shape, without any value."""
    analytics, sent = make("forward")
    order(analytics, BAD_TYPE, context={"app": {"version": "1.2"}})
    first, forwarded = sent
    assert "Order Completed" == first["event"]
    assert ("track", "Violation Generated", "schema-violations") == (
        forwarded["type"],
        forwarded["event"],
        forwarded["userId"],
    )
    assert forwarded["messageId"].startswith("sch-")
    assert {
        "appVersion": "1.2",
        "eventMessageID": first["messageId"],
        "eventName": "Order Completed",
        "eventTimestamp": first["timestamp"],
        "eventType": "track",
        "trackingPlanID": "tp_1",
        "trackingPlanName": "Shop",
        "violationDescription": protocols(first)["violations"][0]["description"],
        "violationField": "properties.revenue",
        "violationType": "Invalid Type",
    } == forwarded["properties"]
    assert {"app", "library"} == set(forwarded["context"])
    assert SECRET not in json.dumps(forwarded)


def test_forwarded_events_are_bounded(make):
    """Of one violation of one event some go, and the figures have them all."""
    analytics, sent = make("forward,block_unplanned")
    for _ in range(FORWARDS_A_MINUTE + 5):
        order(analytics, BAD_TYPE)
    order(analytics, MISSING)
    forwarded = [one for one in sent if one["event"] == "Violation Generated"]
    assert FORWARDS_A_MINUTE + 1 == len(forwarded)
    assert {"forward_limit": 5} == analytics.stats().dropped
    violations = analytics.stats().violations
    assert FORWARDS_A_MINUTE + 5 == violations["Order Completed: Invalid Type"]


def test_a_flood_of_unplanned_names_is_bounded(make, caplog):
    """Names that are made of data fill neither figures, log nor the source."""
    analytics, sent = make("forward,block_unplanned")
    for number in range(UNPLANNED_MAX + 50):
        analytics.track(f"Order {number}", user_id="u1")
    violations = analytics.stats().violations
    assert UNPLANNED_MAX + 1 == len(violations) < KINDS_MAX
    assert 50 == violations[OTHERS]
    assert UNPLANNED_MAX + FORWARDS_A_MINUTE == len(sent)
    lines = [line for line in caplog.messages if "Unplanned Event" in line]
    assert 1 == len(lines)


def test_what_is_in_protocols_already_stays(make):
    """The stamp joins what the caller has put there."""
    analytics, sent = make()
    order(analytics, BAD_TYPE, context={"protocols": {"event_version": 2}})
    assert 2 == protocols(sent[0])["event_version"]
    assert [("Invalid Type", "properties.revenue")] == found(sent[0])


def test_the_stamp_is_left_off_where_it_does_not_fit(make):
    """An event that is nearly as large as Segment takes goes without its stamp."""
    analytics, sent = make()
    order(analytics, {**BAD_TYPE, "order_id": ""})
    spare = EVENT_MAX_BYTES - len(json.dumps(sent[0], separators=(",", ":")))
    order(analytics, {**BAD_TYPE, "order_id": "x" * (spare + 20)})
    assert None is protocols(sent[1])
    assert 2 == analytics.stats().violations["Order Completed: Invalid Type"]


def test_a_message_carries_so_many_violations_and_no_more(make):
    """A message that is wrong everywhere is not made of complaints."""
    analytics, sent = make("omit")
    order(analytics, {**GOOD, **{f"x{number}": 1 for number in range(50)}})
    assert 10 == len(found(sent[0])) == len(protocols(sent[0])["omitted"])
    assert GOOD == sent[0]["properties"]


def test_strict_mode_raises_each_violation(make):
    """The error has all violations; its text has names and places, and no value."""
    analytics, sent = make("omit", strict=True)
    with pytest.raises(PlanViolation) as caught:
        order(analytics, {**BAD_TYPE, "color": SECRET})
    assert ["Invalid Type", "Unplanned Property"] == [
        one.type for one in caught.value.violations
    ]
    text = str(caught.value)
    assert "track 'Order Completed' breaks the tracking plan" in text
    assert "'properties.revenue' Invalid Type at /" in text
    assert SECRET not in text
    with pytest.raises(PlanViolation, match="Unplanned Event"):
        analytics.track("Order Lost", user_id="u1")
    with pytest.raises(InvalidEvent):
        analytics.track("", user_id="u1")
    assert [] == sent


def test_tests_that_capture_are_strict():
    """Where a test looks at events the call raises, unless strict was set."""
    with Analytics("a-key", plan=plan()) as analytics, capture() as events:
        with pytest.raises(PlanViolation):
            order(analytics, BAD_TYPE)
        assert order(analytics, GOOD)
    assert [None] == [protocols(one) for one in events.messages]
    with (
        Analytics("a-key", plan=plan(), strict=False) as analytics,
        capture() as events,
    ):
        assert order(analytics, BAD_TYPE)
    assert [("Invalid Type", "properties.revenue")] == found(events.messages[0])


def test_the_hook_gets_violations_and_message(make):
    """It is called once for a message, with all that is wrong with it."""
    calls = []
    analytics, sent = make(on_violation=lambda *given: calls.append(given))
    order(analytics, {**BAD_TYPE, "color": 1})
    ((violations, message),) = calls
    assert ["Invalid Type", "Unplanned Property"] == [one.type for one in violations]
    assert sent[0] == message


def test_a_hook_that_raises_costs_nothing(make, caplog):
    """Its fault is logged without its text, and the message goes."""

    def broken(violations, message):
        raise RuntimeError(message["properties"])

    analytics, sent = make(on_violation=broken)
    assert order(analytics, BAD_TYPE)
    assert 1 == len(sent)
    assert any(
        "on_violation failed with RuntimeError" in one for one in caplog.messages
    )
    assert SECRET not in caplog.text


def test_a_check_that_fails_costs_nothing(make, caplog):
    """A fault of ours is logged, and the message goes as it is."""

    class Broken(TrackingPlan):
        def check(self, message):
            raise RuntimeError(message["properties"])

    analytics, sent = make("block", plan=Broken(plan().rules))
    assert order(analytics, BAD_TYPE)
    assert BAD_TYPE == sent[0]["properties"]
    assert any(
        "tracking plan failed with RuntimeError" in one for one in caplog.messages
    )
    assert SECRET not in caplog.text


def test_the_log_has_names_and_places_only(make, caplog):
    """One line a minute for each kind, with event, type and pointer."""
    caplog.set_level(logging.WARNING, "segment_integrations")
    analytics, _ = make()
    for _ in range(5):
        order(analytics, BAD_TYPE)
        order(analytics, {**GOOD, "line\nfeed": SECRET})
    lines = [line for line in caplog.messages if "breaks the tracking plan" in line]
    assert 2 == len(lines)
    assert lines[0].startswith("track 'Order Completed' breaks the tracking plan:")
    assert "Invalid Type at 'properties.revenue' (/" in lines[0]
    assert r"'properties.line\nfeed'" in lines[1]
    assert SECRET not in caplog.text


def test_processors_come_first(make):
    """What is checked is what would be sent."""

    def mend(message):
        message["properties"]["revenue"] = 5
        return message

    analytics, sent = make("block", processors=[mend])
    assert order(analytics, BAD_TYPE)
    assert None is protocols(sent[0])


class Transaction:
    """One transaction that is open until the test ends it."""

    def __init__(self):
        self.waiting = []

    def defer(self, put, rolled_back):
        self.waiting.append((put, rolled_back))
        return True


def test_a_transaction_decides_whether_it_is_told(make):
    """A message that waits is told of at its commit, and not after a rollback."""
    analytics, sent = make("omit,forward")
    transaction = analytics.deferral = Transaction()
    assert order(analytics, {**BAD_TYPE, "color": 1})
    assert order(analytics, BAD_TYPE)
    assert ([], {}) == (sent, analytics.stats().violations)
    (put, _), (_, rolled_back) = transaction.waiting
    rolled_back()
    put()
    assert {"order_id": "o1"} == sent[0]["properties"]
    assert ["Violation Generated"] * 2 == [one["event"] for one in sent[1:]]
    assert 1 == analytics.stats().violations["Order Completed: Invalid Type"]


def test_an_identify_that_was_blocked_is_not_remembered(make):
    """The same identify is looked at again, for it was never accepted."""
    analytics, sent = make("block")
    with bind(user_id="u1"):
        assert None is analytics.identify("u1", {"plan": "gold"})
        assert None is analytics.identify("u1", {"plan": "gold"})
        assert analytics.identify("u1", {"plan": "pro"})
    assert [{"plan": "pro"}] == [one["traits"] for one in sent]
    assert {"plan_blocked": 2} == analytics.stats().dropped
    assert 0 == analytics.stats().unchanged


def test_an_identify_that_waits_is_looked_at_when_it_is_made(make):
    """Where a better one takes its place, that one alone goes, and is told of."""
    analytics, sent = make("omit")
    with analytics.bind(user_id="u1") as context:
        with context.holding():
            assert analytics.identify("u1", {"plan": "gold"})
        assert ([], {}) == (sent, analytics.stats().violations)
        assert analytics.identify("u1", {"age": 7})
    assert [{}] == [one["traits"] for one in sent]
    assert ["age"] == protocols(sent[0])["omitted"]
    assert ["plan"] == protocols(sent[0])["omitted_on_violation"]
    assert {"identify: Enum": 1, "identify: Unplanned Property": 1} == dict(
        analytics.stats().violations
    )


@pytest.mark.parametrize(
    ("schema", "properties", "left", "names"),
    [
        (
            {"a.b": {"type": "string"}},
            {"a.b": 1, "a": {"b": 2}},
            {"a": {"b": 2}},
            ["a.b"],
        ),
        (
            {"a.b": {"type": "string"}, "a": {"properties": {"b": {"type": "string"}}}},
            {"a.b": "ok", "a": {"b": 2, "c": 3}},
            {"a.b": "ok", "a": {"c": 3}},
            ["a.b"],
        ),
        (
            {"t": {"items": {"type": "string"}}},
            {"t": ["x", 1], "o": 1},
            {"o": 1},
            ["t"],
        ),
        ({"t": {"items": {"items": {"type": "string"}}}}, {"t": [[1]]}, {}, ["t"]),
        (
            {"t": {"items": {"properties": {"q": {"type": "string"}}}}},
            {"t": [{}, {"q": 1, "r": 1}]},
            {"t": [{}, {"r": 1}]},
            ["t.1.q"],
        ),
        ({"a": {"required": ["c"]}}, {"a": {}}, {"a": {}}, []),
        (
            {"a": {"properties": {"z": {}}, "additionalProperties": False}},
            {"a": {"b": 1}},
            {"a": {}},
            ["a.b"],
        ),
    ],
)
def test_what_is_left_out_is_no_more_than_what_is_wrong(
    schema, properties, left, names
):
    """Names with dots, lists and lists of lists lose what the plan has named."""
    inner = {"properties": schema, "additionalProperties": True}
    of_event = {"properties": {"properties": inner}}
    event = {"type": "track", "event": "E", "properties": properties}
    one = TrackingPlan.of(
        {"rules": [{"key": "E", "type": "TRACK", "version": 1, "jsonSchema": of_event}]}
    )
    assert names == omit_violating(event, one.check(event))
    assert left == event["properties"]


def test_what_is_missing_takes_nothing_else_along():
    """A missing name with a dot is not what stands at that path."""
    inner = {"required": ["a.b"], "additionalProperties": True}
    of_event = {"properties": {"properties": inner}}
    event = {"type": "track", "event": "E", "properties": {"a": {"b": 1}}}
    one = TrackingPlan.of(
        {"rules": [{"key": "E", "type": "TRACK", "version": 1, "jsonSchema": of_event}]}
    )
    assert ["Required"] == [violation.type for violation in one.check(event)]
    assert [] == omit_violating(event, one.check(event))


def test_threads_count_all(make):
    """Calls of many threads lose no figure."""
    analytics, sent = make()

    def work():
        for _ in range(50):
            order(analytics, BAD_TYPE)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert 200 == len(sent)
    assert {"Order Completed: Invalid Type": 200} == analytics.stats().violations


def test_an_own_event_with_segments_name_is_looked_at(make):
    """Only what was made here goes unchecked, not what has the same name."""
    analytics, sent = make("block_unplanned")
    assert None is analytics.track("Violation Generated", user_id="u1")
    assert [] == sent


def test_versions_are_told_apart():
    """The version that a message names is the one that it is held up to."""
    rule = DOCUMENT["rules"][0]
    second = json.loads(json.dumps(rule))
    second["version"] = 2
    second["jsonSchema"]["properties"]["properties"]["properties"]["revenue"] = {
        "type": "string"
    }
    sink = Sink()
    two = TrackingPlan.of({"rules": [rule, second]})
    with Analytics("a-key", sink=sink, plan=two) as analytics:
        order(analytics, BAD_TYPE)
        order(analytics, BAD_TYPE, context={"protocols": {"event_version": 2}})
    assert [1, 0] == [len(found(one)) for one in sink.put_messages]
