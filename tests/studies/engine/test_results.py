"""Result files: whole or not there, and used only where they still hold."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from studies.engine.small import Calibrated, Small

from qmoe_qiskit.errors import StudyError
from qmoe_qiskit.studies.engine import results
from qmoe_qiskit.studies.engine.results import load_result, run_task, store_result, versions

if TYPE_CHECKING:
    from pathlib import Path


def file_of(folder: Path) -> Path:
    (path,) = (folder / "tasks").iterdir()
    return path


def changed(folder: Path, **changes: Any) -> str | None:
    """Change a stored result of a task, and return why it does not hold any more."""
    task = Small(seed=3)
    store_result(task, run_task(task), folder)
    path = file_of(folder)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    result, fault = load_result(task, folder)
    assert result is None
    return fault


def test_what_is_stored_is_what_is_read(tmp_path: Path) -> None:
    task = Small(seed=3, size=50)
    assert load_result(task, tmp_path) == (None, None)
    stored = store_result(task, run_task(task), tmp_path)
    assert load_result(task, tmp_path) == (stored, None)
    assert stored.result == task.run()  # every bit of its numbers


def test_a_file_says_what_made_it_and_keeps_time_apart(tmp_path: Path) -> None:
    task = Small(seed=3, seconds=0.01)
    store_result(task, run_task(task), tmp_path)
    document = json.loads(file_of(tmp_path).read_text())
    assert document["kind"] == "test-small"
    assert document["settings"] == task.fields()
    assert document["versions"] == versions()
    assert document["seconds"] >= 0.01
    assert document["result"] == task.run()


def test_truncated_files_are_noticed_at_every_length(tmp_path: Path) -> None:
    task = Small(seed=3)
    store_result(task, run_task(task), tmp_path)
    path = file_of(tmp_path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert load_result(task, tmp_path) == (None, "truncated or damaged")


def test_other_formats_hashes_and_versions_are_noticed(tmp_path: Path) -> None:
    assert changed(tmp_path, schema_version=2) == "of another format"
    assert changed(tmp_path, hash="0" * 64) == "of another format"
    assert changed(tmp_path, more=1) == "truncated or damaged"
    other = {**versions(), "torch": "0.1", "numpy": "0.2"}
    now = versions()
    expected = f"numpy 0.2, not {now['numpy']}; torch 0.1, not {now['torch']}"
    assert changed(tmp_path, versions=other) == f"of other versions ({expected})"
    fewer = {name: now[name] for name in now if name != "skorch"}
    expected = f"skorch unknown, not {now['skorch']}"
    assert changed(tmp_path, versions=fewer) == f"of other versions ({expected})"


def test_results_of_earlier_releases_hold_where_that_is_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = versions()
    task = Small(seed=3)
    for release in ("0.1.0", "0.2.0"):
        made = {**here, "qmoe-qiskit": release}
        monkeypatch.setattr(results, "versions", lambda made=made: made)
        store_result(task, run_task(task), tmp_path)
        monkeypatch.setattr(results, "versions", lambda: {**here, "qmoe-qiskit": "0.2.0"})
        result, fault = load_result(task, tmp_path)
        assert result is not None
        assert fault is None
    fault = changed(tmp_path, versions={**here, "qmoe-qiskit": "0.0.9"})
    assert fault == "of other versions (qmoe-qiskit 0.0.9, not 0.2.0)"
    fault = changed(tmp_path, versions={**here, "qmoe-qiskit": "0.1.0", "torch": "0.1"})
    assert fault == f"of other versions (torch 0.1, not {here['torch']})"


def test_another_calibration_is_noticed(tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    profile.write_text("monday")
    task = Calibrated(seed=3, profile=str(profile))
    store_result(task, run_task(task), tmp_path)
    assert load_result(task, tmp_path)[0] is not None
    profile.write_text("tuesday")
    assert load_result(task, tmp_path) == (None, "of another calibration")


def test_versions_are_of_python_and_of_every_library_that_computes() -> None:
    expected = {
        "python",
        "numpy",
        "qiskit",
        "qiskit-aer",
        "scikit-learn",
        "scipy",
        "skorch",
        "torch",
    }
    assert expected <= versions().keys()
    assert versions()["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_a_folder_in_the_way_is_no_result(tmp_path: Path) -> None:
    task = Small(seed=3)
    (tmp_path / "tasks" / f"{task.content_hash}.json").mkdir(parents=True)
    assert load_result(task, tmp_path) == (None, "unreadable (Is a directory)")
    with pytest.raises(StudyError, match="cannot be written"):
        store_result(task, run_task(task), tmp_path)


def test_a_worker_with_other_versions_is_refused(tmp_path: Path) -> None:
    task = Small(seed=3)
    document = json.loads(run_task(task))
    document["versions"]["torch"] = "0.1"
    with pytest.raises(StudyError, match=r"of other versions \(torch 0.1, not"):
        store_result(task, json.dumps(document), tmp_path)
    assert not (tmp_path / "tasks").exists()


def test_numbers_that_are_not_finite_are_no_result() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        run_task(Small(seed=3, level=float("1e999"), size=1))
