"""The collector's database: what is kept, for how long, and what is left alone."""

import sqlite3
import threading

import pytest

from segment_integrations.dev.store import MEMORY, Store, default_database
from segment_integrations.errors import ConfigurationError

AT = "2026-01-01T00:00:00.000Z"


def message(message_id):
    return {"type": "page", "userId": "u", "messageId": message_id}


@pytest.mark.parametrize("database", [None, MEMORY])
def test_a_temporary_database_goes_with_the_store(database):
    """Nothing is left behind of a store that was not given a file."""
    with Store(database) as store:
        assert store.path.is_file()

    assert not store.path.parent.exists()


def test_a_named_database_stays_and_is_read_again(tmp_path):
    """A file that was named keeps its messages, in folders made for it."""
    path = tmp_path / "some" / "where" / "messages.sqlite3"
    for message_id in ("first", "second", "first"):
        with Store(path) as store:
            store.add([message(message_id)], AT)

    with Store(path) as store:
        assert store.counts() == (2, 1)
        assert [row.cursor for row in store.read()] == [1, 2]


def test_another_process_may_read_along(tmp_path):
    """The database is in WAL mode, so a reader does not stand in the way."""
    with Store(tmp_path / "messages.sqlite3") as store:
        reader = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM messages").fetchone()[0] == 0
        store.add([message("1")], AT)
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM messages").fetchone()[0] == 1
        assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        reader.close()


def test_threads_may_write_at_once():
    """Messages that come at the same time are all stored, each once."""
    with Store() as store:

        def add(start):
            for n in range(start, start + 50):
                store.add([message(str(n)), message("same")], AT)

        threads = [threading.Thread(target=add, args=(n * 50,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert store.counts() == (201, 199)


def test_a_request_is_stored_whole_or_not_at_all():
    """A failure in the middle of a request leaves nothing of it behind."""
    with Store() as store:
        with pytest.raises(sqlite3.Error):
            store.add([message("good"), message(None)], AT)

        assert store.counts() == (0, 0)
        store.add([message("good")], AT)
        assert store.counts() == (1, 0)


def test_refuses_a_file_that_is_no_database(tmp_path):
    """A text file is named in the error and stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look like one " * 50)

    with pytest.raises(ConfigurationError, match="not a database") as caught:
        Store(path)

    assert caught.value.setting == "database"
    assert str(path) in str(caught.value)
    assert path.read_text().startswith("not a database")


def test_refuses_the_database_of_another_program(tmp_path):
    """An app's own database, given by mistake, is not written to."""
    path = tmp_path / "app.sqlite3"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE users (id)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(ConfigurationError, match="belongs to another program"):
        Store(path)

    assert before == path.read_bytes()


@pytest.mark.parametrize("name", ["", "file/messages.sqlite3"])
def test_refuses_a_path_that_cannot_be_a_file(tmp_path, name):
    """A folder, or a path below a file, is a setting to mend."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="can't be used"):
        Store(tmp_path / name)


def test_the_default_is_in_the_state_directory(monkeypatch, tmp_path):
    """The user's own choice of a state directory is followed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert tmp_path == default_database().parent.parent

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    expected = "/home/someone/.local/state/segment-integrations/collector.sqlite3"
    assert expected == default_database().as_posix()
