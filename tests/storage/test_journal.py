"""The crash-recovery journal, with real processes that really die."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.core.document import Document
from studio.storage import Journal, StorageError, templates
from tests.storage.documents import documents

CRASH = """
import os, sys
from pathlib import Path
from studio.storage import Journal, templates
journal = Journal(sys.argv[1])
for template in sys.argv[2].split(","):
    journal.record(templates.load(template), Path("/home/me/work.studio"))
os.kill(os.getpid(), 9)
"""


def crash(folder: Path, names: str) -> None:
    """Let another process record documents and be killed."""
    result = subprocess.run([sys.executable, "-c", CRASH, str(folder), names], check=False, timeout=60)
    assert result.returncode == -9


def journals(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal"))


def test_a_crash_loses_nothing(tmp_path: Path) -> None:
    crash(tmp_path, "xor,iris")
    journal = Journal(tmp_path)
    assert journal.recover() == templates.load("iris")
    assert journal.recovered_path == Path("/home/me/work.studio")
    assert journal.recover() is None
    journal.close()
    assert journals(tmp_path) == []


def test_a_second_crash_loses_nothing_either(tmp_path: Path) -> None:
    crash(tmp_path, "xor")
    first = Journal(tmp_path)
    assert first.recover() == templates.load("xor")
    _die(first)
    second = Journal(tmp_path)
    assert second.recover() == templates.load("xor")
    second.close()


def _die(journal: Journal) -> None:
    """Let go of all locks without deleting anything, as a killed process does."""
    journal._file.close()
    for _, file in journal._recovered:
        file.close()


def test_another_open_window_is_no_crash(tmp_path: Path) -> None:
    other, mine = Journal(tmp_path), Journal(tmp_path)
    other.record(templates.load("xor"))
    assert mine.recover() is None
    mine.close()
    assert len(journals(tmp_path)) == 1
    other.close()


def test_two_windows_do_not_both_recover(tmp_path: Path) -> None:
    crash(tmp_path, "xor")
    one, two = Journal(tmp_path), Journal(tmp_path)
    assert one.recover() is not None
    assert two.recover() is None
    one.close()
    two.close()


def test_several_crashes_come_back_the_latest_first(tmp_path: Path) -> None:
    crash(tmp_path, "xor")
    crash(tmp_path, "iris")
    journal = Journal(tmp_path)
    assert journal.recover() == templates.load("iris")
    assert journal.recover() == templates.load("xor")
    journal.discard()
    assert len(journals(tmp_path)) == 1
    journal.close()


def test_saved_work_is_not_offered_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.record(templates.load("xor"))
    journal.forget()
    _die(journal)
    after = Journal(tmp_path)
    assert after.recover() is None
    after.close()


def test_edits_after_saving_are_whole_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.record(templates.load("xor"))
    journal.forget()
    journal.record(templates.load("xor").moved({"n1": (8.0, 8.0)}))
    _die(journal)
    after = Journal(tmp_path)
    assert after.recover() == templates.load("xor").moved({"n1": (8.0, 8.0)})
    after.close()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(documents(), min_size=1, max_size=4), st.integers(0, 40))
def test_any_edits_come_back_and_a_torn_line_costs_one(
    tmp_path: Path, edits: list[Document], torn: int
) -> None:
    journal = Journal(tmp_path)
    sizes = []
    for document in edits:
        journal.record(document)
        sizes.append(journal._path.stat().st_size)
    _die(journal)
    last = sizes[-1] - (sizes[-2] if len(sizes) > 1 else 0)
    torn = min(torn, last)
    os.truncate(journal._path, sizes[-1] - torn)
    after = Journal(tmp_path)
    expected = edits[-1] if torn == 0 else (edits[-2] if len(edits) > 1 else None)
    assert after.recover() == expected
    after.close()
    journal._path.unlink(missing_ok=True)


def test_a_line_holds_only_what_changed(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    document = templates.load("lenet")
    journal.record(document)
    first = journal._path.stat().st_size
    journal.record(document.moved({"n1": (8.0, 8.0)}))
    assert journal._path.stat().st_size - first < 100
    journal.record(document.moved({"n1": (8.0, 8.0)}))
    assert journal._path.read_bytes().count(b"\n") == 2
    journal.close()


def test_a_long_journal_begins_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    document = Document(notes="x" * (1 << 20))
    for number in range(8):
        document = Document(notes=f"{number}" * (1 << 20))
        journal.record(document)
    assert journal._path.stat().st_size < 6 << 20
    _die(journal)
    after = Journal(tmp_path)
    assert after.recover() == document
    after.close()


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=80)
    | st.just(b'{"set": {"graph": 5, "order": [1]}}\n')
    | st.just(b'{"set": {"a": 1}, "unset": 5}\n')
)
def test_journals_of_strangers(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "1.journal"
    path.write_bytes(content)
    journal = Journal(tmp_path)
    assert journal.recover() is None
    journal.close()


def test_old_empty_journals_are_cleared_away(tmp_path: Path) -> None:
    old, new = tmp_path / "1.journal", tmp_path / "2.journal"
    old.touch()
    new.touch()
    long_ago = time.time() - 200_000
    os.utime(old, (long_ago, long_ago))
    journal = Journal(tmp_path)
    assert journal.recover() is None
    journal.close()
    assert journals(tmp_path) == [new]


def test_no_place_for_a_journal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"a file, not a folder|already exists|File exists"):
        Journal(tmp_path / "file")


def test_a_full_disk_is_said_and_the_next_line_is_whole(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    real = journal._file

    class Full:
        def write(self, _line: bytes) -> None:
            raise OSError(28, "No space left on device")

    journal._file = Full()
    with pytest.raises(StorageError, match="the disk is full"):
        journal.record(templates.load("xor"))
    journal._file = real
    journal.record(templates.load("xor"))
    _die(journal)
    after = Journal(tmp_path)
    assert after.recover() == templates.load("xor")
    after.close()
