"""What a shell completes: the program's script, and values from the registries."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from qmoe_qiskit.cli.options import completion
from qmoe_qiskit.data import list_datasets
from qmoe_qiskit.noise_profiles import list_profiles
from qmoe_qiskit.studies.registry import STUDIES


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_values_come_from_the_registries() -> None:
    for name in ("points.csv", "more.tsv.gz", "other.txt", "circuit.qpy", "device.json", ".x.csv"):
        Path(name).write_text("")
    Path("folder").mkdir()
    Path("folder/a.parquet").write_text("")
    assert completion.data("") == [*list_datasets(), "folder/", "more.tsv.gz", "points.csv"]
    assert completion.data("mo") == ["moons", "more.tsv.gz"]
    assert completion.data("folder/") == ["folder/a.parquet"]
    assert completion.data("absent/x") == []
    assert completion.router("m") == ["mlp:16"]
    assert completion.router("c") == ["circuit.qpy"]
    assert completion.control("n") == ["none"]
    assert completion.routers("quantum,l") == ["quantum,linear"]
    assert completion.routers("linear,") == [
        f"linear,{name}"
        for name in completion.router("")
        if "/" not in name and "." not in name and name != "linear"
    ]
    assert completion.device("ibm") == list(list_profiles())
    assert completion.device("d") == ["device.json"]
    assert completion.backend("s") == ["statevector"]
    assert completion.backend("noisy:ibmq_m") == ["noisy:ibmq_manila"]
    assert completion.backend("noisy:dep") == ["noisy:depolarizing:", "noisy:depolarizing-gates:"]
    assert completion.backend("noisy:dev") == ["noisy:device.json"]
    assert completion.study("b") == [name for name in STUDIES if name.startswith("b")]


@pytest.mark.process
def test_the_program_answers_shells(real_program: str, tmp_path: Path) -> None:
    def asked(shell: str, words: str) -> str:
        environment = {
            **os.environ,
            "_QMOE_COMPLETE": f"complete_{shell}",
            "_TYPER_COMPLETE_ARGS": words,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        answer = subprocess.run(
            [real_program], env=environment, cwd=tmp_path, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        assert answer.stderr == ""
        return answer.stdout

    assert asked("bash", "qmoe train --data moo").split() == ["moons"]
    assert asked("fish", "qmoe compare --device ibmq_").split() == ["ibmq_kolkata", "ibmq_manila"]
    assert "noisy\\\\:ibm_torino" in asked("zsh", "qmoe train --backend noisy:ibm_t")


@pytest.mark.process
def test_the_script_is_printed(real_program: str, tmp_path: Path) -> None:
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    shown = subprocess.run(
        [real_program, "--show-completion", "bash"], env=environment, cwd=tmp_path,
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "_QMOE_COMPLETE=complete_bash" in shown
    checked = subprocess.run([str(shutil.which("bash")), "-n"], input=shown, text=True, check=False)
    assert checked.returncode == 0
