"""The runs of the strangers' suites, each made once."""

import pytest
from stranger_runs import BARE, VARIANTS, run


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Give the record of an app's run, bare or in a variant."""
    made = {}

    def get(app, name):
        if (app, name) not in made:
            record = tmp_path_factory.mktemp(f"{app}-{name}") / "record.json"
            variant = BARE if name == "bare" else VARIANTS[name]
            made[app, name] = run(app, variant, record)
        return made[app, name]

    return get
