"""Files of studies and reports: whole or not there, also when parts of them are removed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from qmoe_qiskit.io.atomic import is_part, remove_parts, write_atomically

if TYPE_CHECKING:
    from pathlib import Path


def test_many_writers_at_once_leave_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([letter]) * 50_000 for letter in b"abcd"]
    write_atomically(path, contents[0])
    torn: list[bytes] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            if (seen := path.read_bytes()) not in contents:
                torn.append(seen)

    def write(content: bytes) -> None:
        for _ in range(20):
            write_atomically(path, content)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert not torn
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_parts_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".a.json.0f.part", ".b.json.1e.part", "a.json", ".hidden", "my.part"):
        (tmp_path / name).write_text("")
    assert is_part(tmp_path / ".a.json.0f.part", "a.json")
    assert not is_part(tmp_path / ".a.json.0f.part", "b.json")
    remove_parts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "a.json", "my.part"]
    remove_parts(tmp_path / "missing")


def test_who_removes_parts_does_no_harm_to_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    done = threading.Event()
    removed = 0

    def remove() -> None:
        nonlocal removed
        while not done.is_set():
            removed += any(map(is_part, tmp_path.iterdir()))
            remove_parts(tmp_path)

    remover = threading.Thread(target=remove)
    remover.start()
    try:
        while removed < 20:
            write_atomically(path, b"whole")
            assert path.read_bytes() == b"whole"
    finally:
        done.set()
        remover.join()


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "gone" / "file", b"")
