"""Only regular files are read, and only if they are small enough."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.io.regular_files import UnusableFileError, open_regular, read_regular


def test_a_file_and_a_link_to_it_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        assert read_regular(tmp_path / name, 7) == b"content"
        with open_regular(str(tmp_path / name), 7) as file:
            assert file.read() == b"content"


def test_a_larger_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(2**20 + 1))
    with pytest.raises(UnusableFileError) as error:
        read_regular(tmp_path / "file", 2**20)
    assert reason_of(error.value) == "it takes 1,048,577 bytes, and at most 1 MiB are read"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path, kind in ((tmp_path / "pipe", "a named pipe"), (tmp_path / "link", "a named pipe"),
                       (Path("/dev/null"), "a device")):  # fmt: skip
        with pytest.raises(UnusableFileError, match=f"it is {kind}, not a file"):
            open_regular(path, 100)
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path, 100)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing", 100)


def test_a_pipe_that_takes_the_place_of_a_file_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    before = path.stat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(os, "stat", lambda _: before)
    n_open = len([*Path("/proc/self/fd").iterdir()])
    with pytest.raises(UnusableFileError, match="a named pipe"):
        open_regular(path, 100)
    assert len([*Path("/proc/self/fd").iterdir()]) == n_open
