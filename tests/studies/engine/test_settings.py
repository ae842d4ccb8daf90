"""Settings of a study from a TOML file, and the folder that remembers them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from studies.engine.small import STUDY, SmallSettings

from qmoe_qiskit.errors import InputError, StudyError
from qmoe_qiskit.studies.engine.folder import prepare_folder, read_folder
from qmoe_qiskit.studies.engine.results import versions
from qmoe_qiskit.studies.engine.settings import read_settings
from qmoe_qiskit.studies.registry import STUDIES, load_study
from qmoe_qiskit.studies.report.settings_toml import settings_toml

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = ("qmoe", "study", "small")


def read(tmp_path: Path, text: str, *, quick: bool = False) -> Any:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return read_settings(STUDY, path, quick=quick)


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    assert read_settings(STUDY) == SmallSettings()
    assert read_settings(STUDY, quick=True) == STUDY.quick
    assert read(tmp_path, "") == SmallSettings()
    changed = read(tmp_path, 'levels = [1, 0.5]\nlog = "here"')
    assert changed == SmallSettings(levels=(1.0, 0.5), log="here")
    assert read(tmp_path, "size = 7", quick=True) == STUDY.quick.changed(size=7)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sise = 3", "unknown setting of study 'small' 'sise': known are .*did you mean 'size'"),
        ("size = 3.0", "setting size of study 'small' cannot be 3.0: Input should be a valid int"),
        ("size = true", "setting size of study 'small' cannot be True"),
        ('size = "3"', "setting size of study 'small' cannot be '3'"),
        ("levels = 1.0", "setting levels of study 'small' cannot be 1.0"),
        ("levels = [1.0, 'a']", r"setting levels\[1\] of study 'small' cannot be 'a'"),
        (
            "levels = [nan]",
            r"setting levels\[0\] of study 'small' cannot be nan: Input",
        ),
        ("levels = [inf]", r"setting levels\[0\] of study 'small' cannot be inf"),
        ("log = 2024-01-01", "setting log of study 'small' cannot be 2024-01-01"),
        ("size = 0", "^size must be at least 1, got 0$"),
        ("[size]\na = 1", "setting size of study 'small' cannot be {'a': 1}"),
        ("size = ", "settings '.*settings.toml' are not TOML: Invalid value"),
    ],
)
def test_what_is_not_accepted_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        read(tmp_path, text)
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_settings(STUDY, tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_settings(STUDY, tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read: 'utf-8' codec"):
        read_settings(STUDY, tmp_path / "binary")


def test_of_unknown_studies_the_nearest_is_suggested() -> None:
    with pytest.raises(InputError, match=r"unknown study 'efficency'.*did you mean 'efficiency'"):
        load_study("efficency")


@pytest.mark.parametrize("name", STUDIES)
def test_settings_as_a_page_shows_them_are_a_file_that_makes_the_same(
    name: str, tmp_path: Path
) -> None:
    study = load_study(name)
    defaults = study.settings().document()
    text = settings_toml(study.quick.document(), defaults)
    (tmp_path / "shown.toml").write_text(text, encoding="utf-8")
    assert read_settings(study, tmp_path / "shown.toml") == study.quick
    changed = sum(defaults[key] != value for key, value in study.quick.document().items())
    assert text.count("  # by default ") == changed


def test_a_folder_says_what_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "study"
    settings = SmallSettings(levels=(0.1, 3.0))
    prepare_folder(folder, STUDY, settings, range(3), COMMAND)
    record = read_folder(folder)
    assert (record.name, record.seeds, tuple(record.command)) == ("small", [0, 1, 2], COMMAND)
    assert record.versions == versions()
    assert STUDY.settings().changed(**record.settings) == settings


def test_a_study_goes_on_with_more_seeds_but_not_with_other_settings(tmp_path: Path) -> None:
    prepare_folder(tmp_path, STUDY, SmallSettings(), range(2), COMMAND)
    prepare_folder(tmp_path, STUDY, SmallSettings(), range(5), COMMAND)
    assert read_folder(tmp_path).seeds == [0, 1, 2, 3, 4]
    with pytest.raises(InputError, match="with size = 3, not 4: choose another folder"):
        prepare_folder(tmp_path, STUDY, SmallSettings(size=4), range(2), COMMAND)
    other = replace(STUDY, name="other")
    with pytest.raises(InputError, match="holds the study 'small', not 'other'"):
        prepare_folder(tmp_path, other, SmallSettings(), range(2), COMMAND)
    assert read_folder(tmp_path).name == "small"


def test_force_replaces_a_study_and_keeps_its_results(tmp_path: Path) -> None:
    prepare_folder(tmp_path, STUDY, SmallSettings(), range(2), COMMAND)
    for name in ("tasks", "tables", "figures"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("")
    (tmp_path / "report.html").write_text("")
    (tmp_path / "mine").write_text("")
    prepare_folder(tmp_path, STUDY, SmallSettings(size=4), range(2), COMMAND, force=True)
    assert read_folder(tmp_path).settings["size"] == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "study.json", "tasks"]


def test_foreign_folders_are_left_alone_even_with_force(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    for force in (False, True):
        with pytest.raises(InputError, match="is no folder of a study, and not empty"):
            prepare_folder(tmp_path, STUDY, SmallSettings(), range(2), COMMAND, force=force)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(StudyError, match="cannot be written to"):
        prepare_folder(tmp_path / "thesis.tex" / "a", STUDY, SmallSettings(), [1], COMMAND)


def test_damaged_and_newer_records_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder of a study"):
        read_folder(tmp_path)
    prepare_folder(tmp_path, STUDY, SmallSettings(), range(2), COMMAND)
    path = tmp_path / "study.json"
    whole = path.read_text()
    path.write_text(whole[:-5])
    with pytest.raises(InputError, match="is damaged: run the study again with --force"):
        read_folder(tmp_path)
    path.write_text(json.dumps({**json.loads(whole), "schema_version": 2}))
    with pytest.raises(InputError, match="is from a newer qmoe-qiskit"):
        read_folder(tmp_path)
