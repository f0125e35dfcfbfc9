"""Dead letters: what is never delivered is kept beside its reason, within a cap."""

import json
import shutil

import pytest
from delivery_bench import KEY, Scripted, body, names
from hypothesis import given
from hypothesis import strategies as st
from process_programs import Program
from spool_bench import (
    SLACK,
    SpoolBench,
    dead_letters,
    file_size_limit,
    leave,
    leftovers,
)

from segment_integrations.core.message import EVENT_MAX_BYTES
from segment_integrations.core.ports import Answer
from segment_integrations.delivery.dead import (
    DEAD_FILE_BYTES,
    DeadLetters,
    dead_files,
    decode,
)
from segment_integrations.delivery.folders import (
    fingerprint,
)
from segment_integrations.delivery.losses import OVERSIZE_MAX_BYTES, OVERSIZE_WAITING
from segment_integrations.delivery.record import record
from segment_integrations.errors import BatchRejected, RetriesExhausted


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def make(directory):
    """Make benches that set dead letters aside, and check their accounts at the end."""
    made = []

    def start(*script, **options):
        options = {"spool": "off", "overflow": "drop_newest", **options}
        made.append(SpoolBench(directory, *script, **options))
        return made[-1]

    yield start
    for one in made:
        assert one.is_accounted


@pytest.fixture
def letters(directory):
    errors = []
    one = DeadLetters(directory, KEY, failed=errors.append)
    one.errors = errors
    return one


def told(letter):
    """What stands beside the message."""
    return letter.reason, letter.status, letter.answer


def events(letters):
    return [json.loads(bytes(letter.message))["event"] for letter in letters]


def test_case_19_what_is_rejected_is_kept_with_its_answer(make, directory):
    """One event and a 400: status, text, reason, time, and the message as it was."""
    errors = []
    one = make(Answer(400, {}, b"bad \xff event\n"), on_error=errors.append)
    one.put("a")
    one.wait(1)
    (letter,) = dead_letters(directory)
    assert ("rejected", 400, "bad \ufffd event\n") == told(letter)
    assert body("a") == bytes(letter.message)
    assert letter.at.endswith("Z")
    assert (1, {}) == (one.worker.losses.dead, one.drops.counts())
    (error,) = errors
    assert isinstance(error, BatchRejected)
    assert (400, ["a"]) == (error.status, [m["event"] for m in error.messages])


@pytest.mark.parametrize("mode", ["off", "overflow", "always"])
@pytest.mark.parametrize("status", [400, 413])
def test_case_06_one_poison_event_is_set_aside(make, directory, mode, status):
    """99 of 100 arrive, and the one is kept with what the endpoint said of it."""
    numbered = [f"e{n:02d}" for n in range(100)]
    poison = "e37"
    answer = Answer(status, {}, b"no")
    one = make(
        *[lambda batch: answer if poison in names(batch.bodies) else 200] * 50,
        spool=mode,
    )
    one.put(*numbered)
    one.wait(1)
    arrived = [batch for batch in one.transport.sent if poison not in batch]
    assert [name for name in numbered if name != poison] == [
        event for batch in arrived for event in batch
    ]
    (letter,) = dead_letters(directory)
    assert ("rejected", status, "no") == told(letter)
    assert "id-e37" == json.loads(bytes(letter.message))["messageId"]
    assert [] == leftovers(directory)


def test_case_19_a_final_status_sets_the_whole_batch_aside(make, directory):
    """501: every event of the batch is kept, in order."""
    one = make(501)
    one.put("a", "b", "c")
    one.wait(1)
    assert ["a", "b", "c"] == events(dead_letters(directory))
    assert {("rejected", 501, "")} == {told(one) for one in dead_letters(directory)}
    assert 3 == one.worker.losses.dead


def test_case_19_what_is_too_old_is_set_aside(make, directory):
    """Given up by age: kept without a status, and told as before."""
    errors = []
    one = make(*[503] * 9, max_age=10.0, on_error=errors.append)
    one.put("a")
    for _ in range(4):
        one.wait(5)
    assert [("expired", None, "")] == list(map(told, dead_letters(directory)))
    assert [RetriesExhausted] == list(map(type, errors))


def test_case_19_what_another_process_left_may_die_too(make, directory):
    """An adopted event that is rejected is kept like one of our own."""
    leave(directory, [body("old")])
    one = make(400, spool="overflow")
    one.settle()
    assert ["old"] == events(dead_letters(directory))
    assert [] == leftovers(directory)


def put_large(delivery, name, size=EVENT_MAX_BYTES):
    return delivery.put(body(name, pad=size), {})


def accounted(delivery):
    stats = delivery.stats()
    placed = stats.delivered + stats.pending_events + stats.dead
    return stats.enqueued == placed + sum(stats.dropped.values())


def test_case_05_an_event_over_the_limit_is_set_aside(deliver, directory, eventually):
    """With a folder it is kept instead of dropped; its neighbours go, flush says no."""
    transport = Scripted()
    delivery = deliver(transport, write_key=KEY, spool_dir=directory)
    assert delivery.put(body("a"), {})
    assert not put_large(delivery, "large")
    assert delivery.put(body("b"), {})
    assert not delivery.flush(SLACK)
    eventually(lambda: 1 == delivery.stats().dead)
    assert accounted(delivery)
    (letter,) = dead_letters(directory)
    assert ("too_large", None, "") == told(letter)
    assert body("large", pad=EVENT_MAX_BYTES) == bytes(letter.message)
    assert ["a", "b"] == [event for batch in transport.sent for event in batch]
    assert {} == delivery.stats().dropped


def test_case_05_a_monstrous_event_is_dropped(deliver, directory):
    """Far over the limit it is no mistake about one: nothing of it is kept."""
    delivery = deliver(Scripted(), write_key=KEY, spool_dir=directory)
    assert not put_large(delivery, "monster", OVERSIZE_MAX_BYTES)
    assert {"too_large": 1} == delivery.stats().dropped
    assert accounted(delivery)


def test_case_04_large_events_can_not_pile_up(
    collector, deliver, directory, eventually
):
    """While a request hangs only so many wait, and the others are counted."""
    target = collector("hang")
    delivery = deliver(target, write_key=KEY, spool_dir=directory)
    delivery.put(body("a"), {})
    eventually(lambda: target.requests)
    for n in range(OVERSIZE_WAITING + 5):
        put_large(delivery, f"large{n}")
    assert {"too_large": 5} == delivery.stats().dropped
    assert accounted(delivery)
    target.released.set()
    eventually(lambda: OVERSIZE_WAITING == delivery.stats().dead)
    assert accounted(delivery)
    assert OVERSIZE_WAITING == len(dead_letters(directory))


@pytest.mark.parametrize("end", ["", "analytics.close()", "analytics.flush()"])
def test_case_05_a_large_event_is_kept_at_the_exit_too(
    tmp_path, collector, directory, end
):
    """The last call before the end of the process: kept as well."""
    one = Program(
        tmp_path,
        f"analytics.track('large', {{'x': 'x' * 40_000}}, user_id='u')\n{end}\n",
        collector().host,
        settings=f"spool_dir={str(directory)!r}",
    )
    try:
        assert 0 == one.ended(), one.errors
        assert ["large"] == events(dead_letters(directory))
    finally:
        one.end()


def test_case_19_over_the_cap_they_are_dropped_for_their_own_reason(
    make, directory, monkeypatch
):
    """The store is full: the newcomers are counted by why they died, and told."""
    errors = []
    one = make(*[400] * 10, flush_at=1, on_error=errors.append)
    monkeypatch.setattr(one.worker.losses._letters, "_max_bytes", 500)
    one.put(*"abcdefgh")
    one.steps()
    kept = events(dead_letters(directory))
    assert 0 < len(kept) < 8
    assert list("abcdefgh")[: len(kept)] == kept
    assert {"rejected": 8 - len(kept)} == one.drops.counts()
    assert len(kept) == one.worker.losses.dead
    assert list("abcdefgh") == [m["event"] for error in errors for m in error.messages]


def test_case_19_letters_go_into_files_of_some_size(letters, directory):
    """A file that is large enough gets a successor, and the order stays."""
    bodies = [body(f"e{n:04d}", pad=30_000) for n in range(100)]
    for one in bodies:
        assert letters.add([one], "rejected")
    files = dead_files(directory)
    assert 3 <= len(files) <= 4
    assert all(path.stat().st_size < 2 * DEAD_FILE_BYTES for path in files)
    assert bodies == [bytes(letter.message) for letter in dead_letters(directory)]
    assert all(path.name.startswith(fingerprint(KEY)) for path in files)
    assert {0o600} == {path.stat().st_mode & 0o777 for path in files}
    assert 0o700 == files[0].parent.stat().st_mode & 0o777


def test_case_19_letters_may_be_purged_while_we_run(letters, directory):
    """Somebody deletes the files or the folder: the next letter has a new one."""
    letters.add([body("a")], "rejected")
    dead_files(directory)[0].unlink()
    assert letters.add([body("b")], "rejected")
    shutil.rmtree(directory)
    assert letters.add([body("c")], "rejected")
    assert ["c"] == events(dead_letters(directory))
    assert [] == letters.errors


def test_case_18_a_full_disk_keeps_no_part_of_a_batch(letters, directory):
    """What does not fit is dropped as a whole: it is never both kept and counted."""
    assert letters.add([body("a")], "rejected")
    with file_size_limit(dead_files(directory)[0].stat().st_size + 250):
        assert not letters.add([body("b"), body("c"), body("d")], "rejected")
    assert ["a"] == events(dead_letters(directory))
    assert 1 == len(letters.errors)
    assert letters.add([body("e")], "rejected")
    assert ["a", "e"] == events(dead_letters(directory))


def test_case_18_a_folder_that_can_not_be_made_is_told(make, directory, caplog):
    """A file stands where the letters are to go: counted, logged, nothing raised."""
    directory.mkdir()
    (directory / "dead").write_bytes(b"")
    one = make(400, 400, flush_at=1)
    one.put("a", "b")
    one.steps()
    assert {"rejected": 2} == one.drops.counts()
    assert 1 == caplog.text.count("can't be used")
    assert "id-a" not in caplog.text


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9)), max_size=5),
    st.text(max_size=30),
    st.none() | st.integers(100, 599),
)
def test_case_19_a_letter_is_read_as_it_was_written(
    tmp_path_factory, documents, answer, status
):
    """Whatever message and answer: both are given back, the message byte for byte."""
    directory = tmp_path_factory.mktemp("spool")
    letters = DeadLetters(directory, KEY, failed=pytest.fail)
    bodies = [json.dumps(one, ensure_ascii=False).encode() for one in documents]
    assert letters.add(bodies, "rejected", status=status, answer=answer)
    found = dead_letters(directory)
    assert bodies == [bytes(letter.message) for letter in found]
    assert {("rejected", status, answer)} >= {told(letter) for letter in found}


def test_case_19_the_format_is_the_documented_one(letters, directory):
    """A record a line, whose body is one JSON object."""
    letters.add([b'{"a": 1}'], "rejected", status=400, answer="no")
    (path,) = dead_files(directory)
    line = path.read_bytes()
    document = json.loads(line[9:])
    assert record(line[9:-1]) == line
    assert {"reason", "at", "message", "status", "answer"} == set(document)
    assert {"a": 1} == document["message"]
    assert 400 == decode(line[9:-1]).status
