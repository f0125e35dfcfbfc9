"""What breaks a tracking plan is shown beside the message."""

import json
import os
import re
import signal
import subprocess
import sys

import httpx
import pytest

from segment_integrations.dev.server import running
from segment_integrations.plan.tracking import TrackingPlan

DOCUMENT = {
    "rules": [
        {
            "key": "Order Completed",
            "type": "TRACK",
            "version": 1,
            "jsonSchema": {
                "type": "object",
                "properties": {
                    "properties": {
                        "type": "object",
                        "properties": {"revenue": {"type": "number"}},
                    }
                },
            },
        }
    ]
}
ATTACK = "<script>alert('x')</script>\"'&"
VIOLATION = {"type": ATTACK, "field": "properties.x", "description": ATTACK}


def track(event="Order Completed", **fields):
    return {"type": "track", "event": event, "userId": "u1", **fields}


def send(web, *messages):
    web.post(
        "/v1/batch", json={"writeKey": "dev", "batch": messages}
    ).raise_for_status()


def rows(web):
    page = web.get("/").text
    return re.findall(r"<tr data-call.*?</tr>", page, re.DOTALL)


def shown(row):
    return re.findall(r"<li><strong>(.*?)</strong> <code>(.*?)</code>", row)


@pytest.fixture(name="checked")
def _checked():
    """A client of a collector with a plan."""
    plan = TrackingPlan.of(DOCUMENT)
    with (
        running(plan=plan) as collector,
        httpx.Client(base_url=collector.url, trust_env=False) as web,
    ):
        yield web


def test_a_message_s_own_violations_are_shown(web):
    """What a client has stamped is on the page, escaped, and in the message alone."""
    protocols = {"protocols": {"violations": [VIOLATION]}}
    send(web, track(context=protocols), track())
    clean, broken = rows(web)
    assert [] == shown(clean)
    assert 1 == len(shown(broken))
    assert ATTACK not in broken
    assert "&lt;script&gt;" in shown(broken)[0][0]
    newest, oldest = web.get("/api/messages").json()
    assert "violations" not in newest
    assert protocols == oldest["context"]


@pytest.mark.parametrize(
    "context",
    [
        {"protocols": 7},
        {"protocols": {"violations": 7}},
        {"protocols": {"violations": [7, None, {}]}},
        {"protocols": None},
    ],
)
def test_what_is_no_list_of_violations_breaks_nothing(web, context):
    """Whatever a client sends, the page comes."""
    send(web, track(context=context))
    assert 1 == len(rows(web))


def test_a_plan_is_held_up_to_each_message(checked):
    """Violations and unplanned events stand beside the message, which stays."""
    sent = [
        track(properties={"revenue": 5}, messageId="m1"),
        track(properties={"revenue": "x", "color": 1}, messageId="m2"),
        track("Order Lost", messageId="m3"),
        {"type": "page", "name": "Home", "userId": "u1", "messageId": "m4"},
    ]
    send(checked, *sent)
    messages = checked.get("/api/messages?order=asc").json()
    found = [
        [(one["type"], one["field"]) for one in message.pop("violations")]
        for message in messages
    ]
    assert [
        [],
        [
            ("Invalid Type", "properties.revenue"),
            ("Unplanned Property", "properties.color"),
        ],
        [("Unplanned Event", "event")],
        [],
    ] == found
    for message in messages:
        message.pop("receivedAt")
    assert sent == messages
    assert found == [shown(row) for row in reversed(rows(checked))]


def test_what_both_have_found_is_shown_once(checked):
    """The client's stamp and the collector's own check do not double."""
    send(checked, track(properties={"revenue": "x"}))
    (message,) = checked.get("/api/messages").json()
    stamp = {"protocols": {"violations": message["violations"]}}
    send(checked, track(properties={"revenue": "x"}, context=stamp))
    newest, _ = rows(checked)
    assert [("Invalid Type", "properties.revenue")] == shown(newest)


def test_an_event_about_a_violation_is_not_held_up_to_the_plan(checked):
    """What the mode ``forward`` sends passes; one's own event of that name does not."""
    one = "Violation Generated"
    send(checked, track(one, messageId="sch-1"), track(one, messageId="1"))
    own, ours = checked.get("/api/messages").json()
    assert [] == ours["violations"]
    assert ["Unplanned Event"] == [found["type"] for found in own["violations"]]


COMMAND = [sys.executable, "-m", "segment_integrations", "dev", "--port", "0"]


def test_the_command_takes_a_plan(tmp_path):
    """``dev --plan`` prints what breaks it behind the message's line."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(DOCUMENT))
    with subprocess.Popen(
        [*COMMAND, "--database", ":memory:", "--plan", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    ) as process:
        try:
            url = re.search(r"http://[\d.:]+", process.stdout.readline())[0]
            body = {"writeKey": "dev", "batch": [track(properties={"revenue": "x"})]}
            answer = httpx.post(f"{url}/v1/batch", json=body, trust_env=False)
            assert 200 == answer.status_code
            for _ in range(2):
                process.stdout.readline()
            line = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait(20)
        finally:
            process.kill()
    assert line.rstrip().endswith(
        "Order Completed  userId=u1  Invalid Type properties.revenue"
    )


def test_a_missing_extra_ends_the_command(tmp_path):
    """Without the extra of plans the command prints what installs it."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(DOCUMENT))
    program = """
import sys
sys.modules["jsonschema_rs"] = None
from segment_integrations.cli import main
main(sys.argv[1:])
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, *COMMAND[3:], "--plan", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 2 == ended.returncode
    assert "--plan: " in ended.stderr
    assert "pip install 'segment-integrations[plan]'" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "--plan must be a file or folder"), ("{", r"plan\.json")],
    ids=["absent", "broken"],
)
def test_a_plan_that_is_none_ends_the_command(tmp_path, content, told):
    """The command says what is wrong with the plan in a line, and exits with 2."""
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_text(content)
    ended = subprocess.run(
        [*COMMAND, "--database", ":memory:", "--plan", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 2 == ended.returncode
    assert re.search(told, ended.stderr)
    assert "Traceback" not in ended.stderr
