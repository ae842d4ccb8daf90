"""Damage to the file of a ledger: it is told, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hardware.ledger.full_ledger import VALUES, fill, read_all
from hypothesis import given
from hypothesis import strategies as st

from qmoe_qiskit.errors import InputError, LedgerError
from qmoe_qiskit.hardware.ledger.records import LedgerConflict
from qmoe_qiskit.hardware.ledger.store import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@pytest.fixture
def full(tmp_path: Path, plan: Callable[..., Any], noon: datetime) -> Path:
    path = tmp_path / "ledger.sqlite"
    fill(path, plan, noon)
    return path


def spoil_random(whole: bytes) -> bytes:
    return np.random.default_rng(1).bytes(len(whole))


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_random,
        lambda whole: bytes(len(whole)),
        lambda _: b"job,state\n1,done\n",
        lambda _: b"x",
        lambda whole: whole[:60],
        lambda whole: whole[:600],
        lambda whole: whole[:4096],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-4096],
        lambda whole: bytes(100) + whole[100:],
        lambda whole: whole[:100] + bytes(3996) + whole[4096:],
        lambda whole: whole[:4096] + bytes(len(whole) - 4096),
        lambda whole: whole[:4096] + spoil_random(whole[4096:]),
        lambda whole: whole.replace(b"CREATE TABLE jobs", b"CREA\xffE TABLE jobs"),  # no UTF-8
        lambda whole: whole.replace((VALUES * 3).tobytes(), (VALUES * 2.999).tobytes()),
        lambda whole: whole.replace(b"QISKIT\x00\xff", b"QISKIT\x00\xfe", 1),
        lambda whole: whole.replace(b'{"seconds": 2.5}', b'{"seconds": 2.5 ', 1),
        lambda whole: whole.replace(b'{"qiskit": "2.4"}', b'["qiskit", "2.4"]', 1),
        lambda whole: whole.replace(b'["ZI", "IZ"]', b'{"ZI": "IZ"}', 1),
    ],
)
def test_a_damaged_ledger_is_kept(full: Path, spoil: Callable[[bytes], bytes]) -> None:
    bad = spoil(full.read_bytes())
    assert bad != full.read_bytes()
    full.write_bytes(bad)

    def use() -> None:
        with Ledger(full) as book:
            read_all(book)

    with pytest.raises(LedgerError, match=rf"{full}.* is damaged, .*keep it.*found by their tags"):
        use()
    assert full.read_bytes() == bad


def test_a_log_that_another_process_deletes_meanwhile(
    full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = full.with_name(f"{full.name}-wal")
    log.touch()
    stat = Path.stat

    def stat_then_delete(path: Path, **options: bool) -> os.stat_result:
        found = stat(path, **options)
        if path == log:  # as SQLite does when the last connection is closed
            log.unlink()
        return found

    monkeypatch.setattr(Path, "stat", stat_then_delete)
    with Ledger(full) as opened:
        assert opened.works()


@pytest.mark.parametrize("gone", [False, True])
def test_a_log_without_its_ledger_is_kept(
    full: Path, plan: Callable[..., Any], tmp_path: Path, *, gone: bool
) -> None:
    """SQLite would delete the log of an empty file, and the latest records with it."""
    copy = tmp_path / "copy.sqlite"
    log = copy.with_name("copy.sqlite-wal")
    with Ledger(full) as book:
        book.record(*plan(9))
        shutil.copy(full.with_name(f"{full.name}-wal"), log)
        shutil.copy(full, tmp_path / "kept.sqlite")
    if not gone:
        copy.touch()
    with pytest.raises(LedgerError, match=r"'copy\.sqlite-wal' beside it holds records"):
        Ledger(copy)
    (tmp_path / "kept.sqlite").replace(copy)
    with Ledger(copy) as book:
        assert book.find("qmoe-9-0").key == plan(9)[0].key


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, plan: Callable[..., Any]) -> tuple[Path, Path]:
    """A closed ledger, and a folder with one file per array."""
    path = tmp_path_factory.mktemp("sound") / "ledger.sqlite"
    copy = path.with_name("copy.sqlite")
    arrays = path.with_name("arrays")
    fill(path, plan, plan()[0].created_at)
    shutil.copy(path, copy)
    arrays.mkdir()
    with Ledger(copy) as book:
        for number, array in enumerate(read_all(book)):
            (arrays / str(number)).write_bytes(array.tobytes())
    return path, arrays


@given(
    spot=st.tuples(st.floats(0, 1), st.integers(1, 3000)),
    seed=st.integers(0, 2**32 - 1),
    cut=st.integers(0, 5) | st.integers(0, 40_000),
)
def test_damage_anywhere_is_an_error_or_harmless(
    sound: tuple[Path, Path], spot: tuple[float, int], seed: int, cut: int
) -> None:
    """Damaged arrays are always reported, and only our own errors escape."""
    bad = bytearray(sound[0].read_bytes())
    start = int(spot[0] * (len(bad) - 1))
    length = min(spot[1], len(bad) - start)
    bad[start : start + length] = np.random.default_rng(seed).bytes(length)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        path.write_bytes(bad[: max(1, len(bad) - cut)])
        try:
            with Ledger(path) as book:
                found = read_all(book)
        except (LedgerError, InputError, LedgerConflict):
            return
        known = {file.read_bytes() for file in sound[1].iterdir()}
        assert {array.tobytes() for array in found} <= known
