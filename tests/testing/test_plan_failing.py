"""`pytest --segment-plan`: a test that fires an event against the plan fails."""

from xml.etree import ElementTree as ET

import pytest
from plan_running import NUMBER, outcomes, run


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
