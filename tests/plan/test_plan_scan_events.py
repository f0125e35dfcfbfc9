"""How `plan scan` finds typed events, pages and the properties that stand in calls."""

from textwrap import dedent

import pytest
from scan_bench import OURS, fired, planned, rule, scanned, told, write

from segment_integrations.plan.generating.generate import generate
from segment_integrations.plan.scanning.scan import scan

EVENTS = """
    from segment_integrations import Event
    class CheckoutStarted(Event, name="Checkout Started"):
        total: int
    class _Base(Event):
        id: str
    class OrderPaid(_Base):
        pass
    NAME = "Named Otherwise"
    class ByConstant(_Base, name=NAME, version=2):
        pass
    class NotAnEvent:
        pass
    """


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from events import OrderPaid\ntrack(OrderPaid(id=''))", ["Order Paid"]),
        ("import events as e\ntrack(e.CheckoutStarted(total=1))", ["Checkout Started"]),
        ("from events import OrderPaid as O\nx = O()\ntrack(x)", ["Order Paid"]),
        ("from events import ByConstant\ntrack(ByConstant())", ["Named Otherwise"]),
        ("from events import *\ntrack(event=OrderPaid())", ["Order Paid"]),
        ("from events import OrderPaid\n@tracks(OrderPaid)\ndef f(): ...",
         ["Order Paid"]),
        ("from events import OrderPaid\ndef f(x: OrderPaid):\n    track(x)",
         ["Order Paid"]),
        ("from events import OrderPaid\ndef f():\n    return OrderPaid(id='')",
         ["Order Paid"]),
        ("from events import OrderPaid\nclass Mine(OrderPaid): ...\ntrack(Mine())",
         ["Mine"]),
        ("from events import NotAnEvent\nNotAnEvent()", []),
        (("from segment_integrations.spec import OrderCompleted\n"
         "track(OrderCompleted(order_id=''))"), ["Order Completed"]),
        (("import segment_integrations.spec as s\nevent = s.OrderCompleted()\n"
         "track(event)"), ["Order Completed"]),
    ],
)  # fmt: skip
def test_typed_events_are_found(tmp_path, source, expected):
    """By class, through imports, variables, annotations, and where one is made."""
    assert expected == fired(tmp_path, {"events.py": EVENTS, "app.py": OURS + source})


def test_a_file_without_a_word_of_ours_counts_if_it_makes_an_event(tmp_path):
    """The classes' names are looked for in all files, by way of packages too."""
    files = {
        "shop/__init__.py": "",
        "shop/stats/__init__.py": "from .events import CheckoutStarted as Started",
        "shop/stats/events.py": EVENTS,
        "shop/cart.py": "from shop.stats import Started\nqueue(Started(total=1))",
        "shop/pay.py": "from .stats import events\nqueue(events.OrderPaid(id=''))",
        "shop/other.py": "from wherever import Started\nqueue(Started())",
    }

    assert {"Checkout Started": 1, "Order Paid": 1} == scanned(tmp_path, files).fired


def test_events_of_a_generated_module_are_found(tmp_path):
    """What `generate` writes is read as it stands."""
    plan = planned(rule("Checkout Started", "total"), 'Order: "Paid"\n☂')
    write(tmp_path, {"shop/events.py": generate(plan)})
    classes = [
        line.split()[1].partition("(")[0]
        for line in (tmp_path / "shop/events.py").read_text().splitlines()
        if line.startswith("class ") and "Event" in line
    ]
    assert 2 == len(classes)
    calls = "".join(f"track(events.{name}())\n" for name in classes)
    write(tmp_path, {"shop/app.py": f"{OURS}from . import events\n{calls}"})

    report = scan([tmp_path], plan)

    assert sorted(plan.events) == list(report.fired)
    assert () == report.remarks


def test_an_event_that_is_handed_on_is_told_where_it_is_made(tmp_path):
    """One wrong class is one finding, not one where it is made and one where sent."""
    source = OURS + (
        "from segment_integrations import Event\nclass OrderPaid(Event): ...\n"
        "def emit(event: Event):\n    track(event)\nx = OrderPaid()\ntrack(x)\nemit(x)"
    )

    assert ["app.py:6:5 unplanned Order Paid"] == told(scanned(tmp_path, source))


def test_the_version_of_a_class_must_be_planned(tmp_path):
    """A class of another version is told, with the versions that there are."""
    files = {"events.py": EVENTS, "app.py": "import events\nevents.ByConstant(id='')"}
    (remark,) = scanned(tmp_path, files, rule("Named Otherwise", version=3)).findings

    assert "version" == remark.kind
    assert "no version 2 in the plan, which has 3" in remark.text
    assert () == scanned(tmp_path, files, rule("Named Otherwise", version=2)).findings


def test_the_version_in_a_literal_context_must_be_planned(tmp_path):
    """So is one in ``context.protocols.event_version``, which picks the rule."""
    source = OURS + (
        "track('A', {'x': 1}, context={'protocols': {'event_version': 2}})\n"
        "track('A', {'x': 1}, context={'protocols': {'event_version': 3}})\n"
        "track('A', {'x': 1})\n"
    )
    rules = [rule("A", "x"), rule("A", "y", version=2)]

    report = scanned(tmp_path, source, *rules)

    assert ["app.py:2:7 property A", "app.py:3:7 version A"] == told(report)


@pytest.mark.parametrize(
    "context",
    [
        "V2",
        "{**V2}",
        "{'protocols': V2['protocols']}",
        "{'protocols': {'event_version': TWO}}",
        "{'protocols': {'event_version': 1, **V2['protocols']}}",
        "{'protocols': {'event_version': 1, KEY: 2}}",
        "dict(protocols={'event_version': 2})",
    ],
)
@pytest.mark.parametrize(
    "call", ["track('A', {'y': 1}, context=", "a.track(u, 'A', {'y': 1}, "]
)
def test_a_version_that_is_made_at_run_time_may_be_any(tmp_path, call, context):
    """The properties are held against the only rule, but not against one of several."""
    source = (
        f"{OURS}import segment.analytics as a\nTWO = 2\nKEY = 'event_version'\n"
        f"V2 = {{'protocols': {{'event_version': 2}}}}\n{call}{context})\n"
    )
    first, second = rule("A", "x", required=["x"]), rule("A", "y", version=2)

    assert [] == told(scanned(tmp_path, source, first, second))
    assert "property" in {one.kind for one in scanned(tmp_path, source, first).findings}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("track('A', {'y': 1}, context={**x, 'protocols': {'event_version': 2}})", []),
        ("track('A', {'y': 1}, context={'protocols': {x: 1, 'event_version': 2}})", []),
        ("a.track(x, 'A', {'y': 1}, {'protocols': {'event_version': 2}})", []),
        ("track('A', {'y': 1}, context=None)", ["y"]),
        ("track('A', {'y': 1}, context={'ip': x})", ["y"]),
        ("track('A', {'y': 1}, context={'protocols': {}})", ["y"]),
    ],
)
def test_what_stands_last_in_a_literal_context_is_the_version(tmp_path, call, expected):
    """A dict without one means the oldest, whatever else is made at run time."""
    source = f"{OURS}import segment.analytics as a\ndef f(x):\n    {call}\n"
    rules = [rule("A", "x"), rule("A", "y", version=2)]

    report = scanned(tmp_path, source, *rules)

    assert expected == [one.text.split("'")[1] for one in report.findings]


# -- pages --------------------------------------------------------------------------

PAGES = OURS + (
    "from segment_integrations import page_name\n"
    "page('Home')\npage(name='Cart')\nscreen('Main')\npage(properties={})\n"
    "@page_name('Product')\ndef f(): ...\n"
    "import segment.analytics as a\na.page('u', 'Category', 'Old')\n"
)


def test_pages_are_told_where_the_plan_names_pages(tmp_path):
    """With rules for some pages, others are unplanned."""
    report = scanned(tmp_path, PAGES, rule("Home", type_="PAGE"))

    assert [
        "app.py:4:11 unplanned Cart",
        "app.py:7:12 unplanned Product",
        "app.py:10:25 unplanned Old",
    ] == told(report)


@pytest.mark.parametrize(
    "rules", [[], [rule("", type_="PAGE"), rule("Main", type_="SCREEN")]]
)
def test_pages_are_not_told_where_any_will_do(tmp_path, rules):
    """With no rule for pages, or one for all, there is nothing to say."""
    assert [] == told(scanned(tmp_path, PAGES, *rules))


# -- properties ---------------------------------------------------------------------

PLANNED = rule("A", "total", "currency", "extra", required=["total", "currency"])


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("track('A', {'total': 1, 'currency': ''})", []),
        ("track('A', properties={'total': 1, 'currency': ''})", []),
        ("track('A', {'total': 1, 'curency': ''})", ["property", "required"]),
        ("track('A', {'total': 1})", ["required"]),
        ("track('A')", ["required", "required"]),
        ("track('A', None)", ["required", "required"]),
        ("track('A', {'total': 1, **x})", []),
        ("track('A', {'other': 1, **x})", ["property"]),
        ("track('A', {x: 1})", []),
        ("track('A', {NAME: 1, 'currency': 1})", []),
        ("track('A', x)", []),
        ("track('A', **x)", []),
        ("track('A', *x)", []),
        ("a.track('u', 'A', {'odd': 1, **x})", ["property"]),
        ("tracks('A', properties={'total': 1}, from_args=['cart.currency'])(x)", []),
        ("tracks('A', from_args={'total': 'x', 'odd': 'y'})(x)",
         ["property", "required"]),
        ("tracks('A', from_args=['total'])(x)", ["required"]),
        ("tracks('A', properties=x, from_args=['odd'])(x)", ["property"]),
        ("tracks('A', from_args=x)(x)", []),
    ],
)  # fmt: skip
def test_properties_in_a_literal_are_held_against_the_plan(tmp_path, call, expected):
    """Unplanned ones are told, and missing ones where there can be no others."""
    source = f"{OURS}import segment.analytics as a\nNAME = 'total'\ndef f(x):\n    "

    report = scanned(tmp_path, source + call, PLANNED)

    assert expected == [one.kind for one in report.findings]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("'always'", {"total"}),
        ("ALWAYS", {"total"}),
        ("'success'", {"total", "success"}),
        ("'start'", {"total", "success"}),
        ("x", set()),
        ("'always' if x else 'start'", set()),
    ],
)
def test_what_tracks_adds_of_itself_is_not_missing(tmp_path, when, expected):
    """With "always" it adds ``success``; what it adds for another `when` may be any."""
    call = f"tracks('A', from_args=['x.id'], when={when})(print)"
    source = f"{OURS}ALWAYS = 'always'\ndef f(x):\n    {call}\n"
    names = ["id", "success", "total"]

    report = scanned(tmp_path, source, rule("A", *names, required=names))

    assert {"required"} >= {one.kind for one in report.findings}
    assert expected == {one.text.split("'")[3] for one in report.findings}


def test_the_outcome_that_tracks_adds_must_be_planned(tmp_path):
    """For it is in each event; the keys that only some ends add are not told."""
    source = f"{OURS}@tracks('A', when='always')\ndef f(): ...\n"

    report = scanned(tmp_path, source, rule("A"))

    assert ["success"] == [one.text.split("'")[1] for one in report.findings]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("d = {'odd': 1}", ["odd"]),
        ("d: dict = {'total': 1, 'odd': x}", ["odd"]),
        ("d = {'odd': 1}; d['more'] = 1", []),
        ("d = {'odd': 1}; d.pop('odd')", []),
        ("d = {'odd': 1}; del d['odd']", []),
        ("d = {'odd': 1}; d = x", []),
        ("d = x; d.update({'odd': 1})", []),
        ("d = {'odd': 1, x: 2, **x}", ["odd"]),
    ],
)
def test_a_dict_in_a_local_name_is_held_against_the_plan(tmp_path, body, expected):
    """If it is given once and never changed; who else has it may add what lacks."""
    source = f"{OURS}def f(x):\n    {body}\n    track('A', d)\n"

    report = scanned(tmp_path, source, PLANNED)

    assert expected == [one.text.split("'")[1] for one in report.findings]


def test_a_dict_of_a_module_or_a_parameter_is_not_looked_into(tmp_path):
    """Others may change it, or give another."""
    source = "D = {'odd': 1}\ndef f(d={'odd': 1}):\n    track('A', D); track('A', d)\n"

    assert () == scanned(tmp_path, OURS + source, PLANNED).findings


def test_an_item_that_is_set_leaves_a_receiver_what_it_is(tmp_path):
    """Only the keys of a dict are in doubt afterwards."""
    source = """
        def f(config):
            client = Analytics("k")
            client["x"] = 1
            client.update()
            client.track("A")
        """

    assert ["A"] == fired(tmp_path, OURS + dedent(source))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ["odd"]),
        ({"additionalProperties": False}, ["odd"]),
        ({"additionalProperties": True}, []),
        ({"additionalProperties": {}}, []),
        ({"patternProperties": {"^o": {}}}, []),
        ({"patternProperties": {"^o": {}}, "additionalProperties": False}, []),
    ],
)
def test_what_counts_as_unplanned_is_as_in_the_checks(tmp_path, more, expected):
    """Patterns and ``additionalProperties`` have their say."""
    report = scanned(tmp_path, OURS + "track('A', {'odd': 1})", rule("A", **more))

    named = [one.text.split("'")[1] for one in report.findings]
    assert expected == named


def test_a_slip_in_a_property_gets_a_hint(tmp_path):
    """The planned name that is nearest is offered."""
    source = OURS + "track('A', {'total': 1, 'currency': 1, 'Ex-tra': 1})"

    (remark,) = scanned(tmp_path, source, PLANNED).findings

    assert "extra" == remark.hint
    assert remark.text.endswith("is not in the plan: did you mean 'extra'?")
