"""The fixture and the plugin, in runs of pytest of their own."""

import subprocess
import sys

from plan_running import OURS

EIGHT = """
import pytest
from segment_integrations import track

@pytest.mark.parametrize("number", range(8))
def test_it(segment_events, number):
    assert segment_events.messages == []
    track(f"Event {number}", user_id=1)
    segment_events.assert_tracked(f"Event {number}")
    assert len(segment_events) == 1
"""


def test_pr_3_each_test_sees_its_own_events(project, run, endpoint):
    """In one process none sees those of another, and none leaves."""
    project.makepyfile(EIGHT)

    run(apart=True).assert_outcomes(passed=8)

    assert endpoint.events == []


def test_pr_3_the_plugin_is_on_once_installed(project, endpoint):
    """Also in xdist's processes: nothing but the entry point names it."""
    project.makepyfile(EIGHT)
    # Others that take long to start.
    without = ("-p", "no:randomly", "-p", "no:hypothesispytest")

    ran = project.runpytest_subprocess(*without, "-W", "error", "-n", "2")

    ran.assert_outcomes(passed=8)
    assert endpoint.events == []


def test_async_tests_and_background_tasks(project, run):
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

    run(plugins=[OURS, "anyio"]).assert_outcomes(passed=1)


def test_a_failed_assert_hides_our_own_frames(project, run):
    """The report points at the line of the test."""
    project.makepyfile(
        """
        from segment_integrations import track

        def test_it(segment_events):
            track("Order Completed", user_id=1)
            segment_events.assert_tracked("Checkout Started", user_id=1)
        """
    )

    result = run()

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


def test_the_fixture_turns_strict_on(project, run):
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

    run().assert_outcomes(passed=3)


def test_works_without_a_key(project, run, monkeypatch):
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

    run().assert_outcomes(passed=1)


def test_importing_the_plugin_imports_no_framework():
    """It is loaded in every run of everyone who has the package."""
    code = (
        "import sys, segment_integrations.testing.plugin as plugin;"
        "print(sorted({'django', 'flask', 'starlette', 'fastapi'}"
        " & set(sys.modules)))"
    )

    shown = subprocess.check_output([sys.executable, "-c", code], text=True)

    assert shown.strip() == "[]"
