"""What `doctor` says of settings and machine, and what it keeps to itself."""

import json
from pathlib import Path

import pytest
from cli_bench import ANOTHER_KEY, SEGMENT_KEY, states, told

from segment_integrations.cli import doctor_machine, doctor_settings
from segment_integrations.core.settings import Settings

# -- settings ---------------------------------------------------------------------


def test_without_a_key_something_failed(doctor):
    """A missing key is told with where else it may be; nothing is asked offline."""
    result = doctor("--offline", write_key=None)

    assert 1 == result.code
    assert ["failed"] == states(result, "write key")
    assert "SEGMENT_WRITE_KEY" in told(result, "write key")
    assert "DNS" not in result.found


def test_each_setting_that_was_given_is_told_with_its_origin(doctor, monkeypatch):
    """The key's first characters are all that is shown of secrets."""
    monkeypatch.setenv("SEGMENT_FLUSH_AT", "50")
    monkeypatch.setenv("SEGMENT_EXCLUDE", "/b,/a")
    monkeypatch.setenv("SEGMENT_USER", "json:dumps")
    monkeypatch.setenv("SEGMENT_PROXY", "http://joe:pass-word@127.0.0.1:3128")

    result = doctor("--offline", "--host", "https://joe:pass-word@relay.example")

    assert 0 == result.code
    seen = told(result, "settings")
    assert "flush_at (SEGMENT_FLUSH_AT) = 50" in seen
    assert "exclude (SEGMENT_EXCLUDE) = /a,/b" in seen
    assert "user (SEGMENT_USER) = dumps" in seen
    assert "host (--host) = https://relay.example" in seen
    assert "proxy (SEGMENT_PROXY) = http://127.0.0.1:3128" in seen
    assert "write_key (--write-key) = k3y0…" in seen
    assert SEGMENT_KEY not in result.out
    assert "pass-word" not in result.out


def test_wrong_settings_are_all_told(doctor, monkeypatch):
    """One mistake does not hide another, nor the other checks."""
    monkeypatch.setenv("SEGMENT_FLUSH_AT", "many")
    monkeypatch.setenv("SEGMENT_SPOOL", "always")
    monkeypatch.setenv("SEGMENT_GZIP", "maybe")
    monkeypatch.setenv("SEGMENT_WRITEKEY", "x")

    result = doctor("--offline", "--host", "ftp://x")

    assert 1 == result.code
    assert ["ok", "failed", "failed", "failed", "failed", "warning"] == states(
        result, "settings"
    )
    seen = told(result, "settings")
    for part in ("SEGMENT_FLUSH_AT", "spool_dir", "SEGMENT_GZIP", "host must be"):
        assert part in seen
    assert "did you mean SEGMENT_WRITE_KEY?" in seen
    assert ["ok"] == states(result, "versions")


@pytest.mark.parametrize(
    ("key", "host", "state"),
    [
        (SEGMENT_KEY, "https://api.segment.io", "ok"),
        ("short", "https://api.segment.io", "warning"),
        ("short", "https://relay.example", "ok"),
        ("YOUR_WRITE_KEY", "https://relay.example", "warning"),
        ("<the key>", "https://relay.example", "warning"),
        ("two words", "https://relay.example", "warning"),
        ("user:password", "https://relay.example", "warning"),
        (None, "https://relay.example", "failed"),
    ],
)
def test_a_key_must_look_like_one(key, host, state):
    """Segment's have a known form; elsewhere only what can't be one is doubted."""
    settings = Settings(write_key=key, host=host)
    assert state == doctor_settings.write_key(settings).state


def test_a_key_is_not_needed_where_nothing_is_sent():
    """Switched off by a setting, everything is as it was wished."""
    assert "ok" == doctor_settings.write_key(Settings(enabled=False)).state


@pytest.mark.parametrize(
    ("host", "state", "part"),
    [
        ("https://api.segment.io", "ok", "US region"),
        ("https://events.eu1.segmentapis.com", "ok", "EU region"),
        ("https://api.segment.com", "warning", "none of its two endpoints"),
        ("https://rudder.example/prefix", "ok", "not Segment"),
        ("http://127.0.0.1:8765", "ok", "not Segment"),
        ("http://localhost:8765", "ok", "not Segment"),
        ("http://rudder.example", "warning", "unencrypted"),
        ("http://api.segment.io", "warning", "unencrypted"),
    ],
)
def test_a_host_is_told_with_its_region(host, state, part):
    """A wrong region answers 200, so that only words can warn of it."""
    finding = doctor_settings.host(Settings(host=host))
    assert state == finding.state
    assert part in finding.text


def test_a_plan_is_read_and_told(doctor, monkeypatch, tmp_path):
    """Its name, how many rules it has, and the file; without one that there is none."""
    path = tmp_path / "plan.json"
    rules = [{"key": "Order Completed", "type": "TRACK", "jsonSchema": {}}]
    path.write_text(json.dumps({"trackingPlan": {"name": "Shop"}, "rules": rules}))
    without = doctor("--offline")
    monkeypatch.setenv("SEGMENT_PLAN", str(path))

    assert ["ok"] == states(without, "plan")
    assert "none" in told(without, "plan")
    assert f"Shop, 1 rule: {path}" in told(doctor("--offline"), "plan")
    monkeypatch.setenv("SEGMENT_PLAN_MODE", "off")
    assert "off" in told(doctor("--offline"), "plan")


@pytest.mark.parametrize(
    ("plan", "mode", "state", "part"),
    [
        ("[]", "omit", "warning", "0 rules"),
        ("{", "report", "failed", "line 1, column 2"),
        ('[{"key": "A", "type": "TRACK"}]', "omit", "failed", "/0"),
        ("[]", "omit,block", "failed", "SEGMENT_PLAN_MODE can not be block and omit"),
        (None, "omit", "failed", "SEGMENT_PLAN_MODE is given, and no plan"),
    ],
)
def test_a_plan_that_can_not_be_used_is_told(tmp_path, plan, mode, state, part):
    """With the place in the plan, or the setting."""
    environ = {"SEGMENT_PLAN_MODE": mode}
    if plan is not None:
        (tmp_path / "plan.json").write_text(plan)
        environ["SEGMENT_PLAN"] = str(tmp_path / "plan.json")

    finding = doctor_settings.plan(Settings.resolve({}, environ=environ))

    assert state == finding.state
    assert part in finding.text


# -- the machine ------------------------------------------------------------------


def test_a_spool_that_is_well_is_told_with_what_is_left(doctor, folder, leave, bury):
    """Left-behind events and dead letters are warnings, and stay as they are."""
    folder.mkdir(mode=0o700)
    clean = doctor("--offline")
    leave("a", "b")
    leave("c", key=ANOTHER_KEY)
    bury("d")
    before = sorted(folder.rglob("*"))

    result = doctor("--offline", write_key="key-of-the-tests-of-the-commands")

    assert (["ok"], ["ok"]) == (states(clean, "spool"), states(clean, "dead letters"))
    assert ["ok", "warning"] == states(result, "spool")
    assert "3 events left behind" in told(result, "spool")
    assert "1 of another write key" in told(result, "spool")
    assert ["warning"] == states(result, "dead letters")
    assert "rejected" in told(result, "dead letters")
    assert before == sorted(folder.rglob("*"))
    assert 0 == result.code


def test_a_spool_that_others_may_read_is_a_warning(doctor, folder):
    """Events are personal data."""
    folder.mkdir()
    folder.chmod(0o755)

    assert ["ok", "warning"] == states(doctor("--offline"), "spool")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
def test_a_spool_that_can_not_be_written_has_failed():
    """A folder in which nothing can be made is found out by trying."""
    (finding,) = doctor_machine.spool(Settings(spool_dir=Path("/proc/self")))

    assert "failed" == finding.state
    assert "/proc/self can't be written" in finding.text


def test_a_spool_that_can_not_be_made_has_failed(tmp_path):
    """A folder that is not there needs one in which it can be made."""
    (tmp_path / "file").write_text("")

    settings = Settings(spool_dir=tmp_path / "file" / "spool")
    (finding,) = doctor_machine.spool(settings)

    assert "failed" == finding.state
    assert "can't be made" in finding.text


def test_a_spool_is_off_by_default(doctor):
    """What that means is told."""
    result = doctor("--offline")

    assert ["ok"] == states(result, "spool")
    assert "is lost" in told(result, "spool")
    assert "dead letters" not in result.found


@pytest.mark.parametrize(
    ("environment", "files", "state", "part"),
    [
        ({}, {}, "ok", "no server's configuration"),
        ({"GUNICORN_CMD_ARGS": "--preload"}, {}, "ok", "gunicorn with --preload"),
        ({"GUNICORN_CMD_ARGS": "-w 4"}, {}, "ok", "gunicorn without --preload"),
        ({}, {"gunicorn.conf.py": "preload_app = True"}, "ok", "with --preload"),
        ({}, {"gunicorn.conf.py": "worker_class = 'gevent'"}, "ok", "gevent"),
        ({"UWSGI_MASTER": "1"}, {}, "failed", "never runs"),
        ({"UWSGI_ENABLE_THREADS": "1"}, {}, "ok", "threads enabled"),
        ({"UWSGI_ENABLE_THREADS": "false"}, {"uwsgi.ini": "[uwsgi]\nmaster = 1"},
         "failed", "enable-threads"),
        ({}, {"uwsgi.ini": "[uwsgi]\nenable-threads = true"}, "ok", "enabled"),
        ({}, {"uwsgi.ini": "[uwsgi]\nthreads = 2"}, "ok", "enabled"),
    ],
)  # fmt: skip
def test_servers_are_told_by_what_is_seen_of_them(
    tmp_path, environment, files, state, part
):
    """Only one is a fault: under uWSGI without threads nobody would send."""
    for name, content in files.items():
        (tmp_path / name).write_text(content)

    (finding,) = doctor_machine.fork_mode(environment, tmp_path)

    assert state == finding.state
    assert part in f"{finding.text} {finding.advice}"


def test_versions_are_told(doctor):
    """Those of Python, of what delivery is built on, and of the frameworks here."""
    seen = told(doctor("--offline"), "versions")

    for name in (
        "Python 3.",
        "urllib3 ",
        "msgspec ",
        f"on {doctor_machine.sys.platform}",
    ):
        assert name in seen


def test_lines_are_for_people(called, monkeypatch, tmp_path):
    """Without --json each finding is a line that begins with its state."""
    monkeypatch.chdir(tmp_path)

    result = called("doctor", "--offline")

    *lines, last = result.out.splitlines()
    assert {"ok", "failed"} == {line.split()[0] for line in lines}
    assert "1 failed, 0 warnings." == last
