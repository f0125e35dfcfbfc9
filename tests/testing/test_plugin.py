"""The pytest plugin, in runs of pytest of their own."""

import subprocess
import sys

import pytest

SENDS = """
    import pytest
    from segment_integrations import Analytics, track

    analytics = Analytics()
    analytics.track("At Import", user_id=1)

    def test_unmarked():
        assert track("Unmarked", user_id=1) is not None
        assert Analytics().track("Own", user_id=1) is not None
        assert analytics.flush(5)
"""

MARKED = """
    @pytest.fixture
    def before():
        track("In Fixture", user_id=1)
        yield
        track("After", user_id=1)
        assert analytics.flush(5)

    @pytest.mark.segment_live
    def test_marked(before):
        track("Marked", user_id=1)

    @pytest.mark.segment_live
    @pytest.mark.xfail(raises=ZeroDivisionError)
    def test_fails():
        track("Failing", user_id=1)
        1 / 0

    def test_unmarked_again():
        track("Unmarked Again", user_id=1)
"""


def run(project, *arguments):
    return project.runpytest_subprocess("-p", "no:randomly", "-W", "error", *arguments)


@pytest.mark.parametrize("switch", [(), ("-p", "no:segment_integrations")])
def test_nothing_leaves_an_unmarked_test(project, endpoint, switch):
    """Whatever key is set, with the plugin and without it, made at import or later."""
    project.makepyfile(SENDS)

    run(project, *switch).assert_outcomes(passed=1)

    assert endpoint.events == []


def test_a_marked_test_sends(project, endpoint):
    """Its fixtures do as well, also when it fails; the tests around it do not."""
    project.makepyfile(SENDS + MARKED)

    run(project, "--strict-markers").assert_outcomes(passed=3, xfailed=1)

    assert endpoint.events == ["In Fixture", "Marked", "After", "Failing"]


def test_a_marked_class_of_unittest_sends(project, endpoint):
    """With setUp and tearDown."""
    project.makepyfile(
        """
        import unittest
        import pytest
        from segment_integrations import flush, track

        @pytest.mark.segment_live
        class TestLive(unittest.TestCase):
            def setUp(self):
                track("Set Up", user_id=1)

            def test_it(self):
                track("Ran", user_id=1)

            def tearDown(self):
                track("Torn Down", user_id=1)
                assert flush(5)
        """
    )

    run(project).assert_outcomes(passed=1)

    assert endpoint.events == ["Set Up", "Ran", "Torn Down"]


def test_the_ini_option_lets_all_out(project, endpoint):
    """Except what a test captures."""
    project.makeini("[pytest]\nsegment_live = true")
    project.makepyfile(
        """
        from segment_integrations import flush, track

        def test_it():
            track("Unmarked", user_id=1)

        def test_captured(segment_events):
            track("Captured", user_id=1)
            segment_events.assert_tracked("Captured")
            assert flush(5)
        """
    )

    run(project, "--strict-config").assert_outcomes(passed=2)

    assert endpoint.events == ["Unmarked"]


@pytest.mark.parametrize("switch", [(), ("-n", "2")])
def test_each_test_sees_its_own_events(project, endpoint, switch):
    """In one process and in xdist's."""
    project.makepyfile(
        """
        import pytest
        from segment_integrations import track

        @pytest.mark.parametrize("number", range(8))
        def test_it(segment_events, number):
            assert segment_events.messages == []
            track(f"Event {number}", user_id=1)
            segment_events.assert_tracked(f"Event {number}")
            assert len(segment_events) == 1
        """
    )

    run(project, *switch).assert_outcomes(passed=8)

    assert endpoint.events == []


def test_async_tests_and_background_tasks(project):
    """The fixture works in async tests, and sees what tasks and threads track."""
    project.makepyfile(
        """
        import anyio
        import pytest
        from segment_integrations import track

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        async def later():
            await anyio.sleep(0)
            track("From Task", user_id=1)

        @pytest.mark.anyio
        async def test_it(segment_events):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(later)
                await anyio.to_thread.run_sync(lambda: track("Thread", user_id=1))
            segment_events.assert_tracked("From Task", count=1)
            segment_events.assert_tracked("Thread", count=1)
        """
    )

    run(project).assert_outcomes(passed=1)


def test_a_forked_child_sends_nothing(project, endpoint):
    """It inherits the closed gate."""
    project.makepyfile(
        """
        import os
        from segment_integrations import flush, track

        def test_it():
            child = os.fork()
            if child == 0:
                accepted = track("In Child", user_id=1) is not None and flush(5)
                os._exit(0 if accepted else 1)
            assert os.waitpid(child, 0)[1] == 0
        """
    )

    run(project).assert_outcomes(passed=1)

    assert endpoint.events == []


def test_a_failed_assert_hides_our_own_frames(project):
    """The report points at the line of the test."""
    project.makepyfile(
        """
        from segment_integrations import track

        def test_it(segment_events):
            track("Order Completed", user_id=1)
            segment_events.assert_tracked("Checkout Started", user_id=1)
        """
    )

    result = run(project)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       segment_events.assert_tracked*",
            'E       AssertionError: No "Checkout Started" with user_id=1',
            'E       arrived: track "Order Completed" (1)',
            "",
            "test_a_failed_assert_hides_our_own_frames.py:5: AssertionError",
        ]
    )
    result.stdout.no_fnmatch_line("*asserts.py*")


def test_the_fixture_turns_strict_on(project):
    """Where the app did not say otherwise, and only while it is used."""
    project.makepyfile(
        """
        import pytest
        from segment_integrations import Analytics, InvalidEvent, track

        def test_without():
            assert track("") is None

        def test_with(segment_events):
            with pytest.raises(InvalidEvent):
                track("")

        def test_set_by_the_app(segment_events):
            with Analytics(strict=False) as analytics:
                assert analytics.track("") is None
        """
    )

    run(project).assert_outcomes(passed=3)


def test_works_without_a_key(project, monkeypatch):
    """A project's test settings need none."""
    monkeypatch.delenv("SEGMENT_WRITE_KEY")
    project.makepyfile(
        """
        from segment_integrations import track

        def test_it(segment_events):
            track("Done", user_id=1)
            segment_events.assert_tracked("Done")
        """
    )

    run(project).assert_outcomes(passed=1)


def test_a_run_inside_a_run_leaves_the_gate_as_it_was(pytester):
    """As other plugins' own tests do it, in the same process."""
    from segment_integrations.testing.gate import GATE

    pytester.makeini("[pytest]\nsegment_live = true")
    pytester.makepyfile(
        """
        from segment_integrations.testing.gate import GATE

        def test_it():
            assert GATE.lets_out()
        """
    )

    pytester.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=1)

    assert GATE.is_closed
    assert not GATE.lets_out()


def test_capture_in_unittest(project, endpoint):
    """Without pytest a capture keeps events in while it runs, and only then."""
    project.makepyfile(
        test_shop="""
        import unittest
        from segment_integrations import Analytics, track
        from segment_integrations.testing import capture

        class TestShop(unittest.TestCase):
            def test_it(self):
                analytics = Analytics()
                self.addCleanup(analytics.close)
                events = capture()
                self.addCleanup(events.stop)
                track("Captured", user_id=1)
                events.assert_tracked("Captured")
                events.stop()
                track("Sent", user_id=1)
                assert len(events) == 1
        """
    )

    result = project.run(sys.executable, "-W", "error", "-m", "unittest", "test_shop")

    assert result.ret == 0
    assert endpoint.events == ["Sent"]


def test_importing_the_plugin_imports_no_framework():
    """It is loaded in every run of everyone who has the package."""
    code = (
        "import sys, segment_integrations.testing.plugin as plugin;"
        "print(sorted({'django', 'flask', 'starlette', 'fastapi'}"
        " & set(sys.modules)))"
    )

    shown = subprocess.check_output([sys.executable, "-c", code], text=True)

    assert shown.strip() == "[]"
