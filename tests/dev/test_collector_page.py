"""The inspector page."""

import re

import pytest

ATTACK = "<script>alert('x')</script>\"'&"


def send(web, *messages):
    web.post(
        "/v1/batch", json={"writeKey": "dev", "batch": messages}
    ).raise_for_status()


def test_an_empty_page_tells_how_to_point_an_app_here(web, collector):
    """Whoever opens the page first finds what to type."""
    page = web.get("/").text

    assert f"SEGMENT_HOST={collector.url} SEGMENT_WRITE_KEY=dev" in page
    assert '<section id="empty">' in page
    assert "<table hidden>" in page


def test_lists_who_did_what_and_when(web, collector):
    """Each message has its call, its name, both ids, its time and its JSON."""
    send(
        web,
        {"type": "track", "event": "Order Completed", "userId": "u1"},
        {"type": "page", "category": "Docs", "name": "Home", "anonymousId": "a1"},
        {"type": "group", "userId": "u2", "groupId": "team-1"},
        {"type": "identify", "userId": "u3"},
    )

    page = web.get("/").text

    rows = re.findall(r"<tr data-call.*?</tr>", page, re.DOTALL)
    names = [re.search('<th scope="row">(.*)</th>', row)[1] for row in rows]
    assert names == ["", "team-1", "Docs / Home", "Order Completed"]
    assert "<td>a1</td>" in rows[2]
    assert "<td>u1</td>" in rows[3]
    assert collector.messages()[0]["receivedAt"] in rows[3]
    assert "<details><summary>JSON</summary>" in rows[3]
    assert '<section id="empty" hidden>' in page


@pytest.mark.parametrize(
    "message",
    [
        {"type": "track", "event": ATTACK, "userId": ATTACK},
        {
            "type": "page",
            "name": {ATTACK: ATTACK},
            "category": 5,
            "anonymousId": ATTACK,
        },
        {"type": "identify", "userId": "u", "traits": {ATTACK: [ATTACK]}},
    ],
    ids=["event", "name", "traits"],
)
def test_escapes_everything_that_came(web, message):
    """What a message says never becomes markup."""
    send(web, message)

    for path in ("/", "/rows"):
        text = web.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text
    assert web.get("/").text.count("<script") == 1


def test_escapes_the_host_that_it_shows(web):
    """A Host header is shown in the hint, and is text there too."""
    page = web.get("/", headers={"Host": "localhost:<b>"}).text

    assert "http://localhost:&lt;b&gt;" in page


@pytest.mark.parametrize(
    "path", ["/", "/rows", "/static/inspector.js", "/static/inspector.css"]
)
def test_a_strict_policy_is_on_every_answer(web, path):
    """Only the page's own script and style run, and no other page may frame it."""
    headers = web.get(path).headers

    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_the_page_needs_nothing_from_elsewhere(web):
    """All that the page refers to is served by the collector itself."""
    page = web.get("/").text

    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert {"data:,", "static/inspector.css", "static/inspector.js"} == set(links)
    assert not re.search(r"<style|<script[^>]*>[^<]|\son\w+=|style=", page)
    for link in links[1:]:
        assert web.get(f"/{link}").status_code == 200


def test_new_rows_follow_a_cursor(web):
    """The page's script asks for what came after its newest row."""
    send(web, {"type": "track", "event": "Before", "userId": "u"})
    cursor = re.search(r'data-cursor="(\d+)"', web.get("/").text)[1]
    send(web, {"type": "track", "event": "After", "userId": "u"})

    answer = web.get(f"/rows?after={cursor}")

    assert "After" in answer.text
    assert "Before" not in answer.text
    assert int(cursor) + 1 == int(answer.headers["X-Cursor"])
    nothing = web.get(f"/rows?after={answer.headers['X-Cursor']}")
    assert ("", answer.headers["X-Cursor"]) == (
        nothing.text,
        nothing.headers["X-Cursor"],
    )


def test_marks_what_came_more_than_once(web):
    """A duplicate is no row of its own, but can be seen."""
    message = {"type": "track", "event": "X", "userId": "u", "messageId": "same"}
    send(web, message, message, message)

    assert "came 3 times" in web.get("/").text
