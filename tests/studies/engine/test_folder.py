"""The folder of a study: what is taken for one, what is left there, and what is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from studies.engine.small import STUDY, Small, SmallSettings

from qmoe_qiskit.errors import InputError, StudyError
from qmoe_qiskit.studies.engine.folder import RECORD, prepare_folder, read_folder, remove_results
from qmoe_qiskit.studies.engine.results import path_of, run_task, store_result

if TYPE_CHECKING:
    from pathlib import Path

PARTS = (f".{RECORD}.0f1e.part", "tasks/.a.json.2d.part", "tables/.t.csv.3c.part")


def prepare(folder: Path, *, force: bool = False) -> None:
    prepare_folder(folder, STUDY, SmallSettings(), range(2), ["qmoe"], force=force)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("force", [False, True])
def test_what_a_kill_at_the_first_write_leaves_is_an_empty_folder(
    *, tmp_path: Path, force: bool
) -> None:
    for digit in "01":
        (tmp_path / f".{RECORD}.{digit}.part").write_text("half")
    prepare(tmp_path, force=force)
    assert names(tmp_path) == [RECORD]
    assert read_folder(tmp_path).seeds == [0, 1]


def test_what_later_kills_leave_is_removed(tmp_path: Path) -> None:
    prepare(tmp_path)
    for part in PARTS:
        (tmp_path / part).parent.mkdir(exist_ok=True)
        (tmp_path / part).write_text("half")
    (tmp_path / "tasks" / "a.json").write_text("whole")
    prepare(tmp_path)
    assert names(tmp_path) == [RECORD, "tables", "tasks", "tasks/a.json"]


@pytest.mark.parametrize("name", ["notes.txt", ".other.part", "tasks"])
@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_something_else_is_left_alone(
    *, tmp_path: Path, name: str, force: bool
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / PARTS[0]).write_text("half")
    with pytest.raises(InputError, match="is no folder of a study, and not empty"):
        prepare(tmp_path, force=force)
    assert names(tmp_path) == sorted([PARTS[0], name])


def test_results_are_removed_with_what_was_made_from_them(tmp_path: Path) -> None:
    tasks = [Small(seed=seed) for seed in (1, 2, 2, 3)]
    prepare(tmp_path)
    assert remove_results(tmp_path, tasks) == 0
    for task in tasks[:3]:
        store_result(task, run_task(task), tmp_path)
    (tmp_path / "report.html").write_text("")
    other = Small(seed=4)
    store_result(other, run_task(other), tmp_path)
    assert remove_results(tmp_path, tasks) == 2
    kept = path_of(other, tmp_path).relative_to(tmp_path).as_posix()
    assert names(tmp_path) == [RECORD, "tasks", kept]


def test_results_that_cannot_be_removed_are_one_sentence(tmp_path: Path) -> None:
    task = Small(seed=1)
    path_of(task, tmp_path).mkdir(parents=True)
    with pytest.raises(StudyError, match="cannot be written to"):
        remove_results(tmp_path, [task])
