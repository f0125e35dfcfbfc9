"""Other people's clients, unmodified, deliver to the collector."""

import shutil
import subprocess
from pathlib import Path

import pytest

CALLS = ["identify", "track", "page", "screen", "group", "alias"]
NODE = Path(__file__).parent / "node"


def assert_arrived(collector):
    by_type = {message["type"]: message for message in collector.messages()}
    identified = by_type["identify"]
    # RudderStack's clients put traits into the context.
    traits = identified.get("traits") or identified["context"]["traits"]
    assert [message["type"] for message in collector.messages()] == CALLS
    assert traits == {"plan": "pro"}
    assert by_type["track"]["event"] == "Order Completed"
    assert by_type["track"]["properties"] == {"total": 9.5}
    assert by_type["page"]["name"] == "Home"
    assert by_type["screen"]["name"] == "Settings"
    assert by_type["group"]["groupId"] == "team-1"
    assert by_type["alias"]["previousId"] == "anonymous-1"
    for message in collector.messages():
        assert message["userId"] == "user-1"
        assert message["messageId"]
        assert message["timestamp"]
        assert message["context"]["library"]["name"]


def send_all(client):
    client.identify("user-1", {"plan": "pro"})
    client.track("user-1", "Order Completed", {"total": 9.5})
    client.page("user-1", "Docs", "Home")
    client.screen("user-1", "Docs", "Settings")
    client.group("user-1", "team-1", {"seats": 3})
    client.alias("anonymous-1", "user-1")


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("threads", [False, True], ids=["sync", "threads"])
def test_segment_analytics_python_delivers(collector, gzip, threads):
    """Segment's own Python client sends every call, in both of its modes."""
    from segment.analytics.client import Client
    from segment.analytics.request import _session

    errors = []
    client = Client(
        "dev",
        host=collector.url,
        gzip=gzip,
        sync_mode=not threads,
        on_error=lambda error, _: errors.append(error),
        max_retries=1,
    )
    try:
        send_all(client)
    finally:
        if threads:
            client.shutdown()
        _session.close()

    assert errors == []
    assert_arrived(collector)


def test_rudder_sdk_python_delivers(collector):
    """RudderStack's client, which sends Basic auth and gzip, is understood too."""
    from rudderstack.analytics.client import Client
    from rudderstack.analytics.request import _session

    errors = []
    client = Client(
        "dev",
        host=collector.url,
        on_error=lambda error, _: errors.append(error),
        max_retries=1,
    )
    try:
        send_all(client)
    finally:
        client.shutdown()
        _session.close()

    assert errors == []
    assert_arrived(collector)


def test_analytics_node_delivers(collector, tmp_path):
    """Segment's own Node client sends every call."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        pytest.skip("node and npm are not installed")
    project = shutil.copytree(NODE, tmp_path / "node")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=300)

    subprocess.run(
        [node, "send.mjs", collector.url, "dev"], cwd=project, check=True, timeout=60
    )

    assert_arrived(collector)
