"""The registry of studies: the one place outside a study's folder that names it."""

from __future__ import annotations

from importlib.resources import files

import pytest
from pydantic import ValidationError

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.registry import COMMANDS, STUDIES, load_study, study_names


def test_every_folder_with_a_study_is_registered() -> None:
    folders = [f for f in files("qmoe_qiskit.studies").iterdir() if f.is_dir()]
    found = {f.name for f in folders if (f / "study.py").is_file()} - {"engine"}
    assert found == {*STUDIES, "comparison"}
    assert all(name in study_names() for name in STUDIES)


@pytest.mark.parametrize("name", [*STUDIES, *COMMANDS])
def test_a_study_and_its_settings_have_the_name_of_the_registry(name: str) -> None:
    study = load_study(name)
    assert study.name == name
    assert type(study.quick) is study.settings
    with pytest.raises(InputError, match=f"unknown setting of study '{name}' 'dat': known are"):
        study.settings(dat="moons")


def test_settings_are_frozen_and_checked_again_when_they_change() -> None:
    settings = load_study("ablation").settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.layers = 4  # type: ignore[attr-defined]
    assert settings.changed(layers=4) == type(settings)(layers=4)
    with pytest.raises(InputError, match="setting layers of study 'ablation' cannot be 0: "):
        settings.changed(layers=0)
    with pytest.raises(InputError, match="setting layers of study 'ablation' cannot be True: "):
        settings.changed(layers=True)
    assert settings.changed(scalings=["paper"]).document()["scalings"] == ["paper"]
