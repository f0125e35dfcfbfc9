"""Which files `plan scan` reads, and how it takes those that are broken."""

import os

import pytest
from scan_bench import OURS, fired, planned, scanned, told, write

from segment_integrations.plan.scanning.files import FILE_MAX_BYTES
from segment_integrations.plan.scanning.scan import scan

CALL = OURS + "track('A')\n"


def paths(report):
    return sorted({one.path.rpartition("/")[2] for one in report.remarks})


def test_folders_with_nobodys_own_code_are_left_out(tmp_path):
    """Hidden ones, environments, node_modules, caches, and builds."""
    skipped = [".git", "node_modules", "__pycache__", "build", "lib/site-packages"]
    files = {f"{folder}/x.py": CALL for folder in skipped}
    files |= {"env/pyvenv.cfg": "", "env/lib/x.py": CALL, "notes.txt": CALL}
    files |= {"src/build/__init__.py": "", "src/build/kept.py": CALL}

    report = scanned(tmp_path, files)

    assert (2, ["kept.py"]) == (report.files, paths(report))


@pytest.mark.parametrize(
    "glob", ["tests", "tests/", "test_*.py", "tests/*", "*/tests/unit", "unit", "x.py"]
)
def test_globs_leave_files_and_folders_out(tmp_path, glob):
    """By the name, by the path from the folder, or by the whole path."""
    files = {"kept.py": CALL, "tests/unit/test_x.py": CALL}

    report = scanned(tmp_path, files, exclude=[glob])

    expected = ["kept.py", "test_x.py"] if glob == "x.py" else ["kept.py"]
    assert expected == paths(report)


def test_a_file_is_read_once_under_any_number_of_paths(tmp_path):
    """Paths may overlap, and name a file whatever it is called."""
    write(tmp_path, {"src/app.py": CALL, "script": CALL.replace("'A'", "'B'")})
    given = [tmp_path, tmp_path / "src", tmp_path / "src/app.py", tmp_path / "script"]

    assert {"A": 1, "B": 1} == scan(given, planned()).fired


def test_a_path_that_is_not_there_is_an_error(tmp_path):
    """A slip in a path must not look like a project without events."""
    with pytest.raises(FileNotFoundError, match="gone is not there"):
        scan([tmp_path / "gone"], planned())


def test_links_in_a_circle_are_no_circle(tmp_path):
    """Links to folders are not followed, one to itself is named."""
    write(tmp_path, {"src/app.py": CALL})
    (tmp_path / "src/again").symlink_to(tmp_path / "src", target_is_directory=True)
    (tmp_path / "src/self.py").symlink_to(tmp_path / "src/self.py")
    (tmp_path / "src/gone.py").symlink_to(tmp_path / "nothing.py")
    (tmp_path / "src/same.py").symlink_to(tmp_path / "src/app.py")

    report = scan([tmp_path / "src"], planned())

    assert {"A": 1} == report.fired
    assert [
        "app.py:2:7 unplanned A",
        "gone.py:0:0 unreadable ",
        "self.py:0:0 unreadable ",
    ] == told(report)


def test_what_is_no_plain_file_is_not_opened(tmp_path):
    """A pipe, from which one would wait for ever, is named."""
    os.mkfifo(tmp_path / "pipe.py")

    (remark,) = scan([tmp_path], planned()).remarks

    assert ("unreadable", "is no plain file") == (remark.kind, remark.text)


def test_generated_data_is_not_parsed(tmp_path):
    """A file that is too long is named."""
    (remark,) = scanned(tmp_path, CALL + "#" * FILE_MAX_BYTES).remarks

    assert "is longer than 4 MiB" == remark.text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("track('A'", "is no valid Python: '(' was never closed (line 1)"),
        ("print 'track'", "is no valid Python: "),
        ("track('A')\n\tx\n  y", "is no valid Python: "),
        (b"track('A')\0", "is no valid Python: "),
        (b"# coding: latin-9000\ntrack('A')", "is no valid Python: "),
        (b"track('\xff')", "is no valid Python: "),
        ("track(" + "(" * 300 + ")" * 301, "is no valid Python: "),
        ("track(" + "-" * 50_000 + "1)", "is nested too deeply"),
    ],
)
def test_files_that_are_no_python_are_named(tmp_path, source, text):
    """They are counted and told with the reason, and the others are read."""
    report = scanned(tmp_path, {"bad.py": source, "good.py": CALL})

    assert (2, {"A": 1}) == (report.files, report.fired)
    (note,) = report.notes
    assert ("unreadable", "bad.py") == (note.kind, note.path.rpartition("/")[2])
    assert text in note.text


@pytest.mark.parametrize(
    "source",
    [
        b"\xef\xbb\xbf" + CALL.replace("'A'", "'\xe4'").encode(),
        b"# -*- coding: latin-1 -*-\n"
        + CALL.replace("'A'", "'\xe4'").encode("latin-1"),
        b"#!x\n# vim: set fileencoding=cp1252 :\r\n"
        + CALL.replace("'A'", "'\xe4'").encode("cp1252"),
        CALL.replace("'A'", "'\\xe4'").replace("\n", "\r\n").encode(),
        CALL.replace("'A'", "'\\N{LATIN SMALL LETTER A WITH DIAERESIS}'").encode(),
    ],
)
def test_files_are_read_in_their_encoding(tmp_path, source):
    """The mark of UTF-8, the comment of PEP 263, and any ends of lines."""
    assert ["ä"] == fired(tmp_path, {"app.py": source})


def test_a_deep_expression_is_read(tmp_path):
    """What Python can parse is walked without recursion."""
    source = OURS + "x = " + "+".join(["1"] * 900) + "\ntrack('A')\n"
    source += "if x: pass\n" + "elif x: pass\n" * 80 + "else: track('B')"

    assert ["A", "B"] == fired(tmp_path, source)


def test_all_kinds_of_syntax_are_walked(tmp_path):
    """Every statement and expression of the language is taken as it comes."""
    source = """
        from segment_integrations import track
        def f(a=..., b=1.5, *c, d=b"", e=None, **g) -> "x":
            global h
            match a:
                case {"x": [1, *rest], **more} | None: track("A")
                case C(x=2) as one if one: track("B")
                case _: pass
            try:
                del a[1:2, ...]
            except* E as error:
                raise error from None
            async def inner():
                async with x as (y, *z), w: await track("C")
                async for q in r: yield q
                return {**a}, {*b}, {k: v for k, v in a}, (lambda *, x=1j: track("D"))
            a.b, *[c[0]] = d = not -a @ b < c
            for a.b in (1, 2): continue
            else: track(f"{a!r:>{b}}" if a else "E")
            while True: break
            assert (a := 1), track("F")
            a += 1; nonlocal_ = yield
            return (yield from track("G"))
        @track("H")
        class K(track("I"), metaclass=track("J")): x: track("K") = track("L")
        """

    assert list("ABCDEFGHIJL") == fired(tmp_path, source)


def test_names_that_go_round_and_round_end(tmp_path):
    """Names, classes and modules that refer to each other cost bounded time."""
    doubling = "".join(f"a{n + 1} = a{n} or a{n} + a{n}\n" for n in range(60))
    files = {
        "a.py": "from b import *\nfrom b import x\nclass C(D): y = C.y",
        "b.py": "from a import *\nfrom a import x\nclass D(C): y = D.y",
        "app.py": f"{OURS}import a\nfrom a import x, C\na0 = 'A'\n{doubling}"
        "track(x)\ntrack(C.z)\ntrack(C().y)\ntrack(a60)\ntrack('B')\n"
        "p = q = x\np = q\nq = p\ntrack(p)\n",
    }

    assert "B" in scanned(tmp_path, files).fired


def test_no_warning_of_a_file_is_ours(tmp_path):
    """A wrong escape in a scanned file is its own affair."""
    assert ["A"] == fired(tmp_path, CALL + "x = '\\d'\nx is 1\n")


def test_nothing_is_imported(tmp_path):
    """A scanned file is never run."""
    source = f"{CALL}open({str(tmp_path / 'ran')!r}, 'w').close()\nraise SystemExit\n"

    assert ["A"] == fired(tmp_path, source)
    assert not (tmp_path / "ran").exists()


def test_progress_is_told_to_the_end(tmp_path):
    """Each file counts once, and the last word is that all are done."""
    seen = []
    files = {f"x{n}.py": CALL if n % 2 else "" for n in range(6)}

    scanned(tmp_path, files, on_progress=lambda done, total: seen.append((done, total)))

    assert (6, 6) == seen[-1]
    assert seen == sorted(seen)
