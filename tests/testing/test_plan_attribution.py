"""`pytest --segment-plan`: which test is charged with an event, and which is not."""

from types import SimpleNamespace

import pytest
from plan_running import NUMBER, outcomes, run

from segment_integrations.testing.plan_recorder import is_left_out

MARK = pytest.mark.segment_plan


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
