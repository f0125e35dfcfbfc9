"""What leaves a test run, in runs of pytest of their own."""

import sys

import pytest
from plan_running import OURS

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


@pytest.mark.parametrize("plugins", [[OURS], []])
def test_pr_4_nothing_leaves_an_unmarked_test(project, run, endpoint, plugins):
    """Whatever key is set, with the plugin and without it, made at import or later."""
    project.makepyfile(SENDS)

    run(plugins=plugins, apart=True).assert_outcomes(passed=1)

    assert endpoint.events == []


def test_pr_4_a_marked_test_sends(project, run, endpoint):
    """Its fixtures do as well, also when it fails; the tests around it do not."""
    project.makepyfile(SENDS + MARKED)

    run("--strict-markers", apart=True).assert_outcomes(passed=3, xfailed=1)

    assert endpoint.events == ["In Fixture", "Marked", "After", "Failing"]


def test_a_marked_class_of_unittest_sends(project, run, endpoint):
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

    run(apart=True).assert_outcomes(passed=1)

    assert endpoint.events == ["Set Up", "Ran", "Torn Down"]


def test_the_ini_option_lets_all_out(project, run, endpoint):
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

    run("--strict-config", apart=True).assert_outcomes(passed=2)

    assert endpoint.events == ["Unmarked"]


def test_a_forked_child_sends_nothing(project, run, endpoint):
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

    run(apart=True).assert_outcomes(passed=1)

    assert endpoint.events == []


def test_a_run_inside_a_run_leaves_the_gate_as_it_was(project, run):
    """As other plugins' own tests do it, in the same process."""
    from segment_integrations.testing.gate import GATE

    project.makeini("[pytest]\nsegment_live = true")
    project.makepyfile(
        """
        from segment_integrations.testing.gate import GATE

        def test_it():
            assert GATE.lets_out()
        """
    )

    run().assert_outcomes(passed=1)

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
