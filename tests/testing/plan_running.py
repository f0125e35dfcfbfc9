"""What the tests of `--segment-plan` share: a plan, and how pytest is run with it."""

OURS = "segment_integrations.testing.plugin"
NUMBER = "track 'Order Completed': Invalid Type at properties.revenue: *number*[[]/*]"


def track_rule(key, properties, **more):
    facts = {"type": "object", "properties": properties, **more}
    schema = {"type": "object", "properties": {"properties": facts}}
    return {"key": key, "type": "TRACK", "version": 1, "jsonSchema": schema}


PLAN = {
    "rules": [
        track_rule(
            "Order Completed",
            {"revenue": {"type": "number"}},
            required=["revenue"],
            additionalProperties=False,
        ),
        track_rule("Signed In", {"method": {"type": "string"}}),
        {"key": "", "type": "IDENTIFY", "jsonSchema": {"type": "object"}},
    ]
}


def run(project, *arguments):
    return project.runpytest_inprocess(
        *("-p", OURS, "-p", "no:cacheprovider"),
        *("--segment-plan=plan.json", "--strict-markers", "-rA"),
        *arguments,
    )


def outcomes(result):
    """What the short summary says of each test."""
    lines = [line for line in result.outlines if "::" in line and line[0] in "PFESX"]
    return {
        line.split("::", 1)[1].split(" - ")[0]: line.split()[0]
        for line in lines
        if line.split()[0] in {"PASSED", "FAILED", "ERROR", "XFAIL", "XPASS"}
    }
