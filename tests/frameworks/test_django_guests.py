"""
Django REST framework, Django Ninja, allauth and a user model of the application's own.

Their suite is `tests/identity/guests/guests_suite.py`. Django takes one user model for
a whole process, so it runs in one of its own.
"""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

GUESTS = Path(__file__).parent.parent / "identity" / "guests"
TESTS_AT_LEAST = 65


def test_de_8_dj_9_the_guests_suite(tmp_path):
    """DE-8, DJ-9: Each test of the guests' project passes."""
    report = tmp_path / "report.xml"
    plugins = ["segment_integrations.testing.plugin", "pytest_django.plugin"]
    command = [sys.executable, "-m", "pytest", str(GUESTS / "guests_suite.py")]
    command += [part for one in plugins for part in ("-p", one)]
    options = ["-q", "-p", "no:cacheprovider", "--no-migrations"]
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "SEGMENT_"))
    }
    run = subprocess.run(
        [*command, *options, f"--junitxml={report}"],
        cwd=GUESTS,
        env={
            **environ,
            "DJANGO_SETTINGS_MODULE": "guests_project",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # others take long
            "PYTHONPATH": str(GUESTS),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert 0 == run.returncode, run.stdout + run.stderr
    suite = ET.parse(report).getroot().find("testsuite")
    assert suite is not None
    assert TESTS_AT_LEAST <= int(suite.get("tests"))
    assert "0" == suite.get("skipped")
