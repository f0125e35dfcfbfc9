"""`pytest --segment-plan`: a test that fires an event against the plan fails."""

import json
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from segment_integrations.testing.plan_recorder import is_left_out

MARK = pytest.mark.segment_plan
NUMBER = "track 'Order Completed': Invalid Type at properties.revenue: *number*[[]/*]"


def track_rule(key, properties, **more):
    facts = {"type": "object", "properties": properties, **more}
    schema = {"type": "object", "properties": {"properties": facts}}
    return {"key": key, "type": "TRACK", "version": 1, "jsonSchema": schema}


PLAN = {
    "rules": [
        track_rule(
            "Order Completed",
            {"revenue": {"type": "number"}},
            required=["revenue"],
            additionalProperties=False,
        ),
        track_rule("Signed In", {"method": {"type": "string"}}),
        {"key": "", "type": "IDENTIFY", "jsonSchema": {"type": "object"}},
    ]
}


@pytest.fixture(name="shop")
def _shop(pytester, monkeypatch):
    """A project with a plan, and a module whose events are wrong and right."""
    monkeypatch.setenv(
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"
    )  # a run takes half as long
    pytester.makefile(".json", plan=json.dumps(PLAN))
    pytester.makepyfile(
        shop="""
        from segment_integrations import track

        def wrong(revenue="a secret"):
            assert track("Order Completed", {"revenue": revenue}, user_id=1)

        def right():
            assert track("Order Completed", {"revenue": 1.5}, user_id=1)
        """
    )
    pytester.syspathinsert()
    return pytester


def run(project, *arguments):
    return project.runpytest_inprocess(
        *("-p", "segment_integrations.testing.plugin", "-p", "no:cacheprovider"),
        *("--segment-plan=plan.json", "--strict-markers", "-rA"),
        *arguments,
    )


def outcomes(result):
    """What the short summary says of each test."""
    lines = [line for line in result.outlines if "::" in line and line[0] in "PFESX"]
    return {
        line.split("::", 1)[1].split(" - ")[0]: line.split()[0]
        for line in lines
        if line.split()[0] in {"PASSED", "FAILED", "ERROR", "XFAIL", "XPASS"}
    }


def test_a_call_never_raises_and_the_test_fails(shop):
    """With the fixture or without, in any thread; the text has names and no value."""
    shop.makepyfile(
        """
        from threading import Thread

        import pytest
        from segment_integrations import Analytics, group, identify, track
        from shop import right, wrong

        def test_right():
            right()

        def test_wrong():
            wrong()
            wrong("another secret")

        def test_captured(segment_events):
            wrong()
            segment_events.assert_tracked("Order Completed", count=1)

        def test_in_a_thread():
            thread = Thread(target=wrong)
            thread.start()
            thread.join()

        def test_unplanned():
            track("Chekout\\nStarted", user_id=1)

        def test_unplanned_property():
            track("Signed In", {"methud": "a secret"}, user_id=1)

        def test_raises():
            with pytest.raises(ValueError):
                wrong()
                raise ValueError

        @pytest.mark.parametrize("number", range(2))
        def test_identify(number):
            identify(1, {"plan": "a secret"})

        def test_strict(segment_events):
            with Analytics("key", plan="plan.json", strict=True) as analytics:
                revenue = {"revenue": "a secret"}
                assert analytics.track("Order Completed", revenue, user_id=1)

        def test_no_rule_and_no_complaint():
            group("g", {"plan": "free"}, user_id=1)
        """
    )

    result = run(shop)

    assert outcomes(result) == {
        "test_right": "PASSED",
        "test_wrong": "FAILED",
        "test_captured": "FAILED",
        "test_in_a_thread": "FAILED",
        "test_unplanned": "FAILED",
        "test_unplanned_property": "FAILED",
        "test_raises": "FAILED",
        "test_identify[0]": "FAILED",
        "test_identify[1]": "FAILED",
        "test_strict": "FAILED",
        "test_no_rule_and_no_complaint": "PASSED",
    }
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    texts = [line for line in result.outlines if line.startswith("against the plan")]
    assert 9 == len(texts)  # the same violation of one test is told once
    result.stdout.fnmatch_lines(
        [
            f"against the plan plan.json: {NUMBER}",
            "against the plan plan.json: track 'Chekout\\nStarted': Unplanned Event *",
            "*: track 'Signed In': Unplanned Property at properties.methud: *",
        ]
    )
    assert not [line for line in texts if "secret" in line]


def test_fixtures_count_to_their_test(shop):
    """Set-up fails the call, which still runs; teardown is an error, as elsewhere."""
    shop.makepyfile(
        """
        import pytest
        from shop import right, wrong

        @pytest.fixture
        def early():
            wrong()

        @pytest.fixture
        def late():
            yield
            wrong()

        @pytest.fixture(scope="session")
        def for_all():
            wrong()

        def test_early(early):
            print("the call ran")

        def test_late(late):
            right()

        def test_for_all(for_all):
            right()

        def test_for_all_again(for_all):
            right()
        """
    )

    result = run(shop, "--junit-xml=junit.xml")

    result.assert_outcomes(passed=2, failed=2, errors=1)
    result.stdout.fnmatch_lines(["the call ran"])
    cases = {
        case.get("name"): [(one.tag, one.get("message")) for one in case]
        for case in ET.parse(shop.path / "junit.xml").iter("testcase")
    }
    ((early, early_text),) = cases["test_early"]
    ((late, late_text),) = cases["test_late"]
    assert ("failure", "error") == (early, late)
    assert "Invalid Type at properties.revenue" in early_text
    assert "Invalid Type at properties.revenue" in late_text
    assert cases["test_for_all_again"] == []


def test_what_else_becomes_of_a_test(shop):
    """An expected failure is one, a failure stays itself, a skip hides nothing."""
    shop.makepyfile(
        """
        import unittest

        import pytest
        from shop import right, wrong

        @pytest.mark.xfail
        def test_expected():
            wrong()

        @pytest.mark.xfail(raises=ZeroDivisionError, strict=True)
        def test_expected_otherwise():
            wrong()

        def test_failing():
            wrong()
            assert 1 == 2

        def test_skipped():
            wrong()
            pytest.skip("no time")

        @pytest.mark.skip
        def test_never_run():
            wrong()

        def test_subtests(subtests):
            with subtests.test("one"):
                wrong()
            with subtests.test("two"):
                right()

        class TestShop(unittest.TestCase):
            def test_right(self):
                right()

            def test_wrong(self):
                wrong()

            def test_failing(self):
                wrong()
                self.assertEqual(1, 2)

            def test_skipped(self):
                wrong()
                self.skipTest("no time")

            @unittest.expectedFailure
            def test_expected(self):
                wrong()
                self.fail()

        class TestLater(unittest.TestCase):
            def tearDown(self):
                wrong()

            def test_it(self):
                right()
        """
    )

    result = run(shop, "--junit-xml=junit.xml")

    found = outcomes(result)
    assert {
        "test_expected": "XFAIL",
        "test_expected_otherwise": "FAILED",
        "test_failing": "FAILED",
        "test_skipped": "FAILED",
        "test_subtests": "FAILED",
        "TestShop::test_right": "PASSED",
        "TestShop::test_wrong": "FAILED",
        "TestShop::test_failing": "FAILED",
        "TestShop::test_skipped": "FAILED",
        "TestShop::test_expected": "XFAIL",
        "TestLater::test_it": "FAILED",
    } == found
    result.stdout.fnmatch_lines(["E       assert 1 == 2"])
    failing = next(
        case[0].text
        for case in ET.parse(shop.path / "junit.xml").iter("testcase")
        if case.get("name") == "test_failing"
    )
    assert "assert 1 == 2" in failing
    assert "Invalid Type at properties.revenue" in failing


def test_a_marked_test_is_left_out(shop):
    """With its fixtures and children; what it fires counts for nothing."""
    shop.makepyfile(
        """
        import os

        import pytest
        from segment_integrations import Analytics, PlanViolation
        from shop import wrong

        @pytest.fixture
        def around():
            wrong()
            yield
            wrong()

        def test_before():
            pass

        @pytest.mark.segment_plan(off=True)
        class TestOnPurpose:
            def test_it(self, around):
                wrong()
                if (child := os.fork()) == 0:
                    wrong()
                    os._exit(0)
                os.waitpid(child, 0)

            def test_as_in_production(self):
                with Analytics("key", plan="plan.json", strict=True) as analytics:
                    with pytest.raises(PlanViolation):
                        analytics.track("Unheard Of", user_id=1)

            @pytest.mark.segment_plan(off=False)
            def test_checked_again(self):
                wrong()

        def test_after():
            pass
        """
    )

    result = run(shop)

    result.assert_outcomes(passed=4, failed=1)
    result.stdout.no_fnmatch_line("unplanned events fired:")
    result.stdout.no_fnmatch_line("*outside of tests*")
    assert outcomes(result)["TestOnPurpose::test_checked_again"] == "FAILED"


@pytest.mark.parametrize(
    "mark", [MARK(), MARK(True), MARK(of=True), MARK(off=1), MARK(off=True, of=True)]
)
def test_a_marker_that_says_nothing_is_refused(mark):
    """A typo does not leave a test out, nor in."""
    item = SimpleNamespace(nodeid="test_it", get_closest_marker=lambda _: mark.mark)

    with pytest.raises(pytest.UsageError, match=r"test_it: .*off=True"):
        is_left_out(item)


def test_a_refused_marker_is_a_wrong_call(shop):
    """Told before a test runs."""
    shop.makepyfile(
        """
        import pytest

        @pytest.mark.segment_plan(of=True)
        def test_it():
            pass
        """
    )

    result = run(shop)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *::test_it: *segment_plan(off=True)*"])


def test_children_count_to_the_test_that_made_them(shop):
    """Forked, or spawned by multiprocessing."""
    shop.makepyfile(
        """
        import multiprocessing
        import os

        from shop import right, wrong

        def test_forked():
            if (child := os.fork()) == 0:
                wrong()
                os._exit(0)
            os.waitpid(child, 0)

        def test_spawned():
            child = multiprocessing.get_context("spawn").Process(target=wrong)
            child.start()
            child.join(30)
            assert child.exitcode == 0

        def test_neither():
            right()
        """
    )

    result = run(shop)

    result.assert_outcomes(passed=1, failed=2)


def test_events_that_wait_for_a_transaction_count_to_the_test(shop):
    """In Django's tests, whose own transaction never commits."""
    shop.makepyfile(
        settings="""
        SECRET_KEY = "made up"
        INSTALLED_APPS = ["segment_integrations.django"]
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ""}}
        SEGMENT = {"WRITE_KEY": "made-up"}
        """,
        test_it="""
        import pytest
        from django.db import transaction
        from django.test import TestCase
        from shop import right, wrong

        @pytest.mark.django_db
        def test_fixture():
            with transaction.atomic():
                wrong()

        @pytest.mark.django_db
        def test_rolled_back():
            with pytest.raises(ValueError), transaction.atomic():
                wrong()
                raise ValueError

        @pytest.mark.django_db
        def test_right():
            with transaction.atomic():
                right()

        class TestShop(TestCase):
            def test_it(self):
                with transaction.atomic():
                    wrong()
        """,
    )

    result = shop.runpytest_subprocess(
        *("-p", "segment_integrations.testing.plugin", "-p", "pytest_django.plugin"),
        *("--segment-plan=plan.json", "--ds=settings", "-rA"),
    )

    assert {
        "test_fixture": "FAILED",
        "test_rolled_back": "PASSED",
        "test_right": "PASSED",
        "TestShop::test_it": "FAILED",
    } == outcomes(result)


def test_events_outside_of_tests_fail_the_run(shop):
    """Those of an import are said of the file, those of a stray thread of the time."""
    shop.makepyfile(
        test_a="""
        from shop import right, wrong

        wrong()

        def test_it():
            right()
        """,
        conftest="""
        import pytest

        @pytest.hookimpl(trylast=True)
        def pytest_runtest_logfinish(nodeid):
            from shop import wrong
            wrong()
        """,
    )

    result = run(shop)

    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "against the plan, outside of tests:",
            f"  collecting test_a.py: {NUMBER}",
            f"  after test_a.py::test_it: {NUMBER}",
        ],
        consecutive=True,
    )
