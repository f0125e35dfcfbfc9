"""Which calls `plan scan` takes for ours, and the names that it finds in them."""

import pytest
from scan_bench import OURS, fired, scanned, told

# -- whose track it is --------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "from segment_integrations import track\ntrack('A')",
        "from segment_integrations import track as t\nt('A')",
        "from segment_integrations.api import track\ntrack('A', {'x': 1})",
        "from segment_integrations import *\ntrack('A')",
        "import segment_integrations\nsegment_integrations.track('A')",
        "import segment_integrations as si\nsi.track(event='A')",
        "import segment_integrations as si\nsend = si.track\nsend('A')",
        "def f():\n    from segment_integrations import track as t\n    t('A')",
        "from segment_integrations import Analytics\nx = Analytics()\nx.track('A')",
        "from segment_integrations import Analytics\nAnalytics('k').track('A')",
        (
            "from segment_integrations import Analytics as An\n"
            "def f(x: An | None):\n    x.track('A')"
        ),
        (
            "from segment_integrations import Analytics\n"
            "def f(x: 'Annotated[Analytics, 1]'):\n    x.track('A')"
        ),
        (
            "from segment_integrations import Analytics\n"
            "with Analytics() as x:\n    x.track('A')"
        ),
        (
            "from segment_integrations import Analytics\n"
            "def make() -> Analytics: ...\nmake().track('A')"
        ),
        (
            "from segment_integrations import Analytics\n"
            "class Mine(Analytics): pass\nMine().track('A')"
        ),
        (
            "from segment_integrations import Analytics\n"
            "class V:\n    def __init__(self):\n        self.x = Analytics()\n"
            "    def get(self):\n        self.x.track('A')"
        ),
        (
            "from segment_integrations.fastapi import AnalyticsDep\n"
            "async def f(x: AnalyticsDep):\n    x.track('A')"
        ),
        (
            "from segment_integrations.starlette import analytics_from\n"
            "def f(r):\n    analytics_from(r).track('A')"
        ),
        "analytics.track('A')",
        "self.analytics.track('A')",
        "request.app.state.analytics.track('A')",
        "shop_analytics.track('A')",
        "get_analytics().track('A')",
        "from segment_integrations import track\ntasks.add_task(track, 'A', {'x': 1})",
        "from segment_integrations import track\ncall(lambda: track('A'))",
        "from segment_integrations import tracks\n@tracks('A')\ndef f(): ...",
        (
            "from segment_integrations import tracks as t\n"
            "class V:\n    @t(event='A')\n    async def f(self): ..."
        ),
        "import segment.analytics\nsegment.analytics.track('u', 'A')",
        "import segment.analytics as a\na.track(user_id='u', event='A')",
        "from segment import analytics\nanalytics.track(user.id, event='A')",
        "from segment.analytics import track\ntrack('u', 'A', {})",
        "from segment.analytics.client import Client\nClient('k').track('u', 'A')",
        (
            "from segment_integrations.analytics_python import Client\n"
            "c = Client('k')\nc.track('u', 'A')"
        ),
        "import analytics\nanalytics.track(1, 'A')",
        "self.analytics.track(user.id, 'A')",
    ],
)
def test_calls_of_ours_are_found(tmp_path, source):
    """By import, alias, instance, annotation or name of the receiver; old and new."""
    assert ["A"] == fired(tmp_path, source)


@pytest.mark.parametrize(
    "source",
    [
        "import posthog\nposthog.track('A')",
        "from mixpanel import Mixpanel\nmp = Mixpanel('k')\nmp.track('A', 'B')",
        "import mixpanel\nanalytics = mixpanel.Mixpanel()\nanalytics.track('u', 'A')",
        "from other import analytics\nanalytics.track('A')",
        "from other import track\ntrack('A')",
        "from other import *\ntrack('A')",
        "def track(name): ...\ntrack('A')",
        "track('A')",
        "def f(track):\n    track('A')",
        "eye.track('A')",
        (
            "import mixpanel\nclass V:\n    def __init__(self):\n"
            "        self.analytics = mixpanel.Mixpanel()\n"
            "    def get(self):\n        self.analytics.track('A')"
        ),
        (
            "class Analytics:\n    def track(self, x): ...\n"
            "analytics = Analytics()\nanalytics.track('A')"
        ),
        (
            "from mixpanel import Mixpanel\n"
            "def f(analytics: Mixpanel):\n    analytics.track('A')"
        ),
        "'''track('A')'''  # track('A')",
    ],
)
def test_other_libraries_are_left_alone(tmp_path, source):
    """Who is known to be somebody else, or is called something else, is not ours."""
    report = scanned(tmp_path, source)

    assert ({}, ()) == (report.fired, report.remarks)


def test_any_track_takes_them_all(tmp_path):
    """The option is for those whose receivers nothing tells."""
    source = (
        "eye.track('A')\nmp.track(u.id, 'B')\ntrack('C')\n@x.tracks('D')\ndef f(): ..."
    )

    assert ["A", "B", "C", "D"] == fired(tmp_path, source, any_track=True)


def test_a_module_that_passes_our_track_on_is_ours(tmp_path):
    """Names that come by way of other scanned files are followed, packages included."""
    files = {
        "shop/__init__.py": "from .stats import analytics, send",
        "shop/stats.py": OURS + "analytics = Analytics()\nfrom segment_integrations"
        " import track as send",
        "shop/views/__init__.py": "",
        "shop/views/cart.py": "from ..stats import send as s\ns('A')",
        "shop/views/order.py": "from shop import analytics as x\nx.track('B')",
        "shop/views/pay.py": "import shop.stats\nshop.stats.send('C')",
        "shop/views/star.py": "from shop.stats import *\nsend('D')",
    }

    assert ["A", "B", "C", "D"] == fired(tmp_path, files)


def test_a_file_of_the_project_that_is_not_scanned_is_told_by_its_names(tmp_path):
    """What a part of the same package has is ours if it is called so."""
    files = {
        "shop/__init__.py": "",
        "shop/views.py": "from shop.gone import analytics, track, eye\n"
        "analytics.track('A')\ntrack('B')\neye.track('C')",
    }

    assert ["A", "B"] == fired(tmp_path, files)


# -- the name -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'Checkout ' 'Started'", ["Checkout Started"]),
        ("'Checkout ' + VERB", ["Checkout Started"]),
        ("f'Checkout Started'", ["Checkout Started"]),
        ("CONSTANT", ["Constant"]),
        ("ANNOTATED", ["Annotated"]),
        ("Names.CLASS", ["Class"]),
        ("Names().CLASS", ["Class"]),
        ("Codes.MEMBER", ["Member"]),
        ("Codes.MEMBER.value", ["Member"]),
        ("Codes.auto_one", ["auto_one"]),
        ("'A' if x else 'B'", ["A", "B"]),
        ("x or 'A'", ["A"]),
        ("names.IMPORTED", ["Imported"]),
        ("FROM", ["Imported"]),
        ("names.Inner.DEEP", ["Deep"]),
        ("CIRCLE", ["Circle"]),
    ],
)
def test_names_given_by_constants_are_found(tmp_path, expression, expected):
    """Module and class constants, enums' members, imported ones, joined texts."""
    files = {
        "names.py": "IMPORTED = 'Imported'\nclass Inner:\n    DEEP = 'Deep'",
        "app.py": f"""
            from enum import StrEnum, auto
            from typing import Final
            from segment_integrations import track
            import names
            from names import IMPORTED as FROM
            VERB = "Started"
            CONSTANT = "Constant"
            ANNOTATED: Final[str] = "Annotated"
            CIRCLE = "Circle"
            CIRCLE = CIRCLE or CIRCLE
            class Names:
                CLASS = "Class"
            class Codes(StrEnum):
                MEMBER = "Member"
                auto_one = auto()
            track({expression})
            """,
    }

    assert expected == fired(tmp_path, files)


@pytest.mark.parametrize(
    "body",
    [
        "name = 'A'\n    track(name)",
        "name = None\n    if x:\n        name = 'A'\n    track(name)",
        "name: str = 'A'\n    track(name)",
        "for name in ['A']:\n        track(name)",
        "[track(name) for name in ('A',)]",
        "name, other = 'A', 'B'\n    track(name)",
        "if (name := 'A'):\n        track(name)",
        "track(**{}, event='A')",
    ],
)
def test_names_in_local_variables_are_found(tmp_path, body):
    """A simple flow within the function is followed."""
    assert ["A"] == fired(tmp_path, f"{OURS}def f(x):\n    {body}\n")


def test_a_class_attribute_is_found_by_self(tmp_path):
    """A view may keep its event's name in its class, or in the one below."""
    source = """
        from segment_integrations import track
        class Base:
            event = "A"
        class View(Base):
            other = "B"
            def get(self):
                track(self.event)
                track(self.other)
            @classmethod
            def make(cls):
                track(cls.other)
        """

    assert {"A": 1, "B": 2} == scanned(tmp_path, source).fired


@pytest.mark.parametrize(
    "call",
    [
        "track(f'{x} Started')",
        "track(x())",
        "track(NAMES['a'])",
        "track('a' + x)",
        "track('%s' % x)",
        "track(*x)",
        "track(**x)",
        "track(gone.NAME)",
        "analytics.track(x.name)",
        "segment.analytics.track('u', x.name)",
        "tracks(x.name)(print)",
    ],
)
def test_names_of_run_time_are_noted(tmp_path, call):
    """A name that is not there is told with its place, and is no finding."""
    source = f"import gone, segment.analytics\n{OURS}def f(x):\n    {call}\n"

    report = scanned(tmp_path, source)

    assert [("dynamic", 4)] == [(one.kind, one.line) for one in report.notes]
    assert () == report.findings


def test_columns_count_characters(tmp_path):
    """The place is that of the name, as an editor counts, also behind other letters."""
    source = OURS + "x = 'äöü', track('A')\n"

    assert ["app.py:2:18 unplanned A"] == told(scanned(tmp_path, source))


# -- functions that pass a name on --------------------------------------------------


def test_a_function_that_passes_its_parameter_on_is_a_call_of_its_own(tmp_path):
    """Wrappers are followed, by position, keyword, default, and from file to file."""
    files = {
        "stats.py": """
            from segment_integrations import track
            def emit(user, event="Default", **properties):
                track(event, properties, user_id=user)
            def outer(*, what):
                emit(1, what)
            class Service:
                def send(self, event):
                    track(event)
                def go(self):
                    self.send("E")
                @staticmethod
                def still(event):
                    track(event)
            """,
        "app.py": """
            from stats import emit, outer as out, Service
            emit(1, "A")
            emit(1, event="B")
            emit(1)
            out(what="C")
            Service().send("F")
            Service.still("G")
            """,
    }

    report = scanned(tmp_path, files)

    assert ["A", "B", "C", "Default", "E", "F", "G"] == list(report.fired)
    assert () == report.notes


def test_a_wrapper_that_nobody_calls_is_dynamic(tmp_path):
    """Its callers may be anywhere, so that what it fires is not known."""
    source = OURS + "def emit(event):\n    track(event)\n"

    assert ["app.py:3:11 dynamic "] == told(scanned(tmp_path, source))


@pytest.mark.parametrize(
    "change",
    [
        "name = name.title()",
        "name = 'Shop ' + name",
        "name = f'Shop {name}'",
        "name += '!'",
        "name, _ = name.split()",
        "for name in name.split(): pass",
    ],
)
@pytest.mark.parametrize("parameter", ["name", "name=None"])
def test_a_wrapper_that_changes_its_parameter_does_not_hand_it_on(
    tmp_path, parameter, change
):
    """What its callers give is no event: what it sends itself is noted."""
    source = (
        f"{OURS}def emit({parameter}):\n    {change}\n    track(name)\n"
        "emit('shop opened')\n"
    )

    report = scanned(tmp_path, source)

    assert ({}, ["app.py:4:11 dynamic "]) == (report.fired, told(report))


def test_a_default_that_a_wrapper_changes_is_no_event(tmp_path):
    """As little as what its callers give."""
    source = "def emit(name='raw'):\n    name = name.title()\n    track(name)\nemit()\n"

    assert [] == fired(tmp_path, OURS + source)


@pytest.mark.parametrize(
    "given",
    [
        "if name is None:\n        name = 'Default'",
        "name = name or 'Default'",
        "name = 'Default' if name is None else name",
    ],
)
def test_a_wrapper_that_only_has_a_default_hands_its_parameter_on(tmp_path, given):
    """Another text that stands in the source changes nothing of what callers give."""
    source = f"{OURS}def emit(name):\n    {given}\n    track(name)\nemit('A')\n"

    report = scanned(tmp_path, source)

    assert (["A", "Default"], ()) == (list(report.fired), report.notes)


@pytest.mark.parametrize(
    "parameter", ["x: Analytics | None = None", "analytics=None", "x: Analytics"]
)
def test_a_receiver_that_is_made_where_none_is_given_is_ours(tmp_path, parameter):
    """What its annotation or name says of the parameter still holds."""
    name = parameter.partition(":")[0].partition("=")[0]
    source = (
        f"{OURS}def make(): ...\ndef f({parameter}):\n"
        f"    if {name} is None:\n        {name} = make()\n    {name}.track('A')\n"
    )

    assert ["A"] == fired(tmp_path, source)


def test_a_decorator_of_ones_own_is_followed(tmp_path):
    """The parameter may be that of a function around."""
    source = """
        from segment_integrations import track
        def tracked(event):
            def decorate(function):
                def inner():
                    track(event)
                return inner
            return decorate
        @tracked("A")
        def f(): ...
        """

    assert ["A"] == fired(tmp_path, source)


# -- lines that are left out --------------------------------------------------------


def test_a_comment_leaves_a_line_out(tmp_path):
    """``# segment: ignore`` works on the first, the name's and the last line."""
    source = """
        from segment_integrations import track
        track("A")  # segment: ignore
        track(  # segment:ignore, for it is a test
            "B",
        )
        track(
            "C",  # segment: ignore
        )
        track(
            "D",
        )  # noqa: X  # segment: ignore
        track("E")  # segment: ignored
        track("F")
        """

    assert ["E", "F"] == fired(tmp_path, source)
