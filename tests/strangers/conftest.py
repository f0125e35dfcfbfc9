"""The runs of the strangers' suites, each made once by all of xdist's workers."""

from importlib.metadata import version

import pytest
from stranger_runs import BARE, VARIANTS, run

WRITTEN_FOR = {
    "django_app": ("django", (5, 2)),
    "flask_app": ("flask", (3, 1)),
    "fastapi_app": ("fastapi", (0, 165)),
}
"""The applications use what these versions have; older ones have the other tests."""


@pytest.fixture(scope="session")
def runs(tmp_path_factory, request):
    """Give the record of an app's run, bare or in a variant."""
    folder = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        folder = folder.parent  # which all of xdist's workers have
    made = {}

    def get(app, name):
        framework, least = WRITTEN_FOR[app]
        found = version(framework)
        if tuple(map(int, found.split(".")[:2])) < least:
            pytest.skip(f"written for {framework} {least}, found {found}")
        if (app, name) not in made:
            variant = BARE if name == "bare" else VARIANTS[name]
            made[app, name] = run(app, variant, folder / f"{app}-{name}.json")
        return made[app, name]

    return get
