"""A spool from the settings at the start to what is left at the end."""

import pytest
from delivery_bench import KEY, Scripted
from process_programs import Program, environment
from spool_bench import (
    NAMES,
    SLACK,
    accounted,
    dead_letters,
    leftovers,
    put,
    spooled,
)

from segment_integrations.core.settings import Settings
from segment_integrations.errors import ConfigurationError


def test_case_13_what_a_closed_client_keeps_is_for_the_next_one(
    collector, deliver_spooled, directory, eventually
):
    """Closed in an outage: its thread ends, its folder is free, and nothing is lost."""
    target = collector(default=503)
    delivery = deliver_spooled(target, "overflow", rand=lambda: 0.1)
    put(delivery, *NAMES)
    assert len(NAMES) == delivery.close(0.3)
    assert accounted(delivery)
    assert NAMES == spooled(directory)
    eventually(lambda: delivery._running._free == [None])  # nobody makes its turns
    target.default = 200
    seen = len(target.events)
    other = deliver_spooled(target, "overflow")
    assert other.flush(SLACK)
    assert NAMES == target.events[seen:]
    assert [] == leftovers(directory)


def test_case_13_what_is_left_at_the_exit_is_in_the_spool(
    tmp_path, collector, directory
):
    """A process ends in an outage: the next one sends what it had, and none twice."""
    target = collector(default=503)
    script = "import segment_integrations.delivery.exit as e\ne.EXIT_DRAIN_S = 0.3\n"
    one = Program(
        tmp_path,
        script + "put('e', 50)\n",
        target.host,
        settings=f"spool='overflow', spool_dir={str(directory)!r}",
    )
    try:
        assert 0 == one.ended(), one.errors
    finally:
        one.end()
    assert [f"e-{n}" for n in range(50)] == spooled(directory)
    assert "not sent" not in one.errors
    target.default = 200
    seen = len(target.events)
    other = Program(
        tmp_path,
        "assert analytics.flush(30)\nsay(analytics.stats().adopted)",
        target.host,
        settings=f"spool='overflow', spool_dir={str(directory)!r}",
    )
    try:
        assert "50" == other.line(), other.errors
        assert 0 == other.ended()
    finally:
        other.end()
    assert [f"e-{n}" for n in range(50)] == target.events[seen:]
    assert [] == leftovers(directory)


def test_dead_letters_need_no_spool(deliver, directory):
    """`spool_dir` alone: nothing but the dead letters is on disk."""
    delivery = deliver(Scripted(400), write_key=KEY, spool_dir=directory)
    put(delivery, "e000")
    assert not delivery.flush(SLACK)
    assert [directory / "dead"] == list(directory.iterdir())
    assert 1 == len(dead_letters(directory))
    assert accounted(delivery)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"spool": "always"}, "spool_dir"),
        ({"spool": "overflow"}, "spool_dir"),
        ({"overflow": "spill"}, "overflow"),
        ({"spool": "always", "spool_dir": __file__}, "spool_dir"),
        ({"spool": "sometimes"}, "spool"),
    ],
)
def test_case_18_settings_that_can_not_work_are_told_at_the_start(settings, named):
    """What is wrong whatever the disk does is a `ConfigurationError` that names it."""
    with pytest.raises(ConfigurationError, match=named) as caught:
        Settings.resolve(settings, environ={})
    assert named == caught.value.setting


def test_case_18_a_wrong_setting_stops_the_program(tmp_path, directory):
    """The same through `Analytics`, in a process of its own."""
    directory.write_bytes(b"")
    script = f"""
from segment_integrations import Analytics, ConfigurationError
try:
    Analytics("key", spool="always", spool_dir={str(directory)!r})
except ConfigurationError as error:
    print(error.setting, error, flush=True)
"""
    one = Program(tmp_path, script)
    try:
        line = one.line()
        assert line.startswith("spool_dir"), one.errors
        assert "a file is there" in line
    finally:
        one.end()
    assert "SEGMENT" not in str(list(environment()))
