"""Documents that promise too much: one sentence each, within 5 s of processor time and 1 GiB."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit import limits
from qmoe_qiskit.noise_profiles import load_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BILLION = 10**9
SHORT = ("--samples", 60, "--layers", 1, "--epochs", 1)


def setting(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["model"]["settings"].__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "command", "words"),
    [
        (lambda d: d["data"].update(n_samples=5 * 10**11), "evaluate", "n_samples must be at most"),
        (lambda d: d["data"].update(n_samples=10**18), "evaluate", "n_samples must be at most"),
        (lambda d: d["model"].update(classes=[*range(400_000)]), "info", "at most 2 MiB"),
        (lambda d: d["model"].update(classes=[*range(20_000)]), "info", "20000 classes: at most"),
        (lambda d: d["model"].update(classes=[*range(20_000)]), "evaluate", "20000 classes"),
        (setting("n_experts", BILLION), "evaluate", "n_experts must be at most 1000"),
        (setting("n_layers", BILLION), "evaluate", "n_layers must be at most 5000"),
        (setting("reuploads", BILLION), "evaluate", "reuploads must be at most 5000"),
        (setting("n_layers", 4000), "evaluate", "at most 5000 are accepted"),
        (setting("n_layers", 300), "evaluate", "the stored circuit is not the one"),
        (setting("shots", 10**40), "evaluate", "the stored model"),
        (setting("backend", "noisy:thermal:1e308,1e308"), "evaluate", "t1 is"),
    ],
)
def test_manifests(
    *,
    refused_within_limits: Callable[..., None],
    copy_of_run: Path,
    forge: Callable[..., Path],
    change: Callable[[dict[str, Any]], object],
    command: str,
    words: str,
) -> None:
    forge(copy_of_run, change)
    refused_within_limits(words, command, "run")


@pytest.mark.parametrize(
    "options", [("--json",), pytest.param((), marks=pytest.mark.trial, id="as a table")]
)
def test_a_manifest_as_large_as_it_may_be_is_shown(
    *,
    within_limits: Callable[..., Any],
    copy_of_run: Path,
    forge: Callable[..., Path],
    tmp_path: Path,
    options: tuple[str, ...],
) -> None:
    room = limits.FACTS_BYTES - len((copy_of_run / "manifest.json").read_bytes()) - 1000
    forge(copy_of_run, lambda d: d["data"].update(source="word " * (room // 5)))
    assert within_limits(tmp_path, "info", "run", *options).status == 0


def test_documents_nested_deeply(
    refused_within_limits: Callable[..., None], copy_of_run: Path, tmp_path: Path
) -> None:
    deep = b"[" * 500_000
    (copy_of_run / "manifest.json").write_bytes(deep)
    (tmp_path / "x.json").write_bytes(deep)
    (tmp_path / "study.json").write_bytes(deep)
    refused_within_limits("it is not JSON", "info", "run")
    refused_within_limits("is truncated or not JSON", "profiles", "show", "x.json")
    refused_within_limits("is damaged", "report", ".")


@pytest.mark.parametrize(
    ("rows", "field", "value", "words"),
    [
        ("qubits", "t1", 1e308, "t1 is 1e+308: it must be above 0 and at most 1000000"),
        ("qubits", "readout_length", 1e308, "readout_length is 1e+308: it must be at most"),
        ("qubits", "readout_length", 1e5, None),
        ("gates", "duration", 1e308, "duration is 1e+308: it must be at most"),
        (None, "dt", 1e-308, "it must be at most"),
        (None, "dt", "a long number", "not JSON"),
        (None, "physical_qubits", [*range(10**6)], "it must hold 5 numbers"),
    ],
)
@pytest.mark.parametrize("command", ["show", "scale", "train"])
def test_calibrations(
    *,
    refused_within_limits: Callable[..., None],
    within_limits: Callable[..., Any],
    tmp_path: Path,
    rows: str | None,
    field: str,
    value: object,
    words: str | None,
    command: str,
) -> None:
    document = json.loads(load_profile("ibmq_manila").dumps())
    document.pop("content_hash")
    for place in [document] if rows is None else document[rows]:
        place[field] = "VALUE"
    text = "1" + "0" * 5000 if value == "a long number" else json.dumps(value)
    (tmp_path / "x.json").write_text(json.dumps(document).replace('"VALUE"', text))
    arguments = {
        "show": ("profiles", "show", "x.json"),
        "scale": ("profiles", "scale", "x.json", "--factor", 2, "--out", "y.json"),
        "train": ("train", *SHORT, "--backend", "noisy:x.json", "--out", "out"),
    }[command]
    if words is None:
        assert within_limits(tmp_path, *arguments).status == 0
    else:
        refused_within_limits(words, *arguments)


def test_a_calibration_of_many_qubits(
    refused_within_limits: Callable[..., None], tmp_path: Path
) -> None:
    document = json.loads(load_profile("ibmq_manila").dumps())
    document.pop("content_hash")
    row = document["qubits"][0]
    document |= {
        "qubits": [{**row, "qubit": number} for number in range(50_000)],
        "physical_qubits": [*range(50_000)],
    }
    (tmp_path / "x.json").write_text(json.dumps(document))
    refused_within_limits("qubits has 50000 entries", "profiles", "show", "x.json")
