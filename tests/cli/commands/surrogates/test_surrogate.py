"""`qmoe surrogate`, `qmoe export`, and --surrogate of evaluate and predict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest

from qmoe_qiskit.errors import OutOfRangeWarning
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.runs import evaluate_run, load_run
from qmoe_qiskit.runs.evaluation import select_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOISY = ("--backend", "noisy:ibm_lagos")


@pytest.fixture(scope="module")
def files(
    qmoe: Callable[..., Any], run: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """An exact surrogate and one of shots."""
    folder = tmp_path_factory.mktemp("surrogates")
    for name, options in {"exact": (), "shots": ("--shots", "300", "--points", "16")}.items():
        outcome = qmoe("surrogate", run, *NOISY, *options, "--out", folder / name)
        assert outcome.exit_code == 0, outcome.stderr
        assert outcome.stderr == f"surrogate: {folder / name}\n"
    return {path.name: path for path in folder.iterdir()}


def test_what_is_said(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], run: Path, tmp_path: Path
) -> None:
    options = (*NOISY, "--shots", "100", "--points", "3,4", "--checks", "5")
    said = qmoe("surrogate", run, *options, "--out", tmp_path / "a").stdout
    words = " ".join(said.split())
    assert "measured on noisy:ibm_lagos points 12 (3 x 4), and 5 to check" in words
    assert "executions 1,700 (100 shots per point)" in words
    assert "check passed at 5 check points" in words
    document = the_document(
        qmoe("surrogate", run, *options, "--out", tmp_path / "a", "--force", "--json").stdout
    )
    assert (document["points"], document["n_checks"], document["executions"]) == ([3, 4], 5, 1700)
    assert document["check"]["passed"] is True
    stored = document["record"]["calibration"]
    assert stored["content_hash"] == load_profile("ibm_lagos").content_hash
    largest = document["check"]["largest_residual"]
    assert f"largest residual {largest:.2g}" in words  # the same seed, the same shots


def test_evaluate_is_that_under_noise(
    qmoe: Callable[..., Any],
    the_document: Callable[[str], Any],
    run: Path,
    files: dict[str, Path],
) -> None:
    direct = the_document(qmoe("evaluate", run, *NOISY, "--json").stdout)
    outcome = qmoe("evaluate", run, "--surrogate", files["exact"], "--json")
    document = the_document(outcome.stdout)
    assert document["execution"]["backend"] == "surrogate of noisy:ibm_lagos"
    for part in ("calibration", "physical_qubits", "shots", "mitigation"):
        assert document["execution"][part] == direct["execution"][part]
    assert document["metrics"].keys() == direct["metrics"].keys()
    for name, metric in document["metrics"].items():
        np.testing.assert_allclose(metric["value"], direct["metrics"][name]["value"], atol=1e-9)


def test_errors_from_shots(
    qmoe: Callable[..., Any],
    the_document: Callable[[str], Any],
    run: Path,
    files: dict[str, Path],
) -> None:
    """The interval of the accuracy against measurements that are made anew."""
    metrics = the_document(qmoe("evaluate", run, "--surrogate", files["shots"], "--json").stdout)[
        "metrics"
    ]
    said = " ".join(qmoe("evaluate", run, "--surrogate", files["shots"]).stdout.split())
    assert "accuracy, from shots of the surrogate" in said
    found = metrics["accuracy_from_shots"]
    assert found["value"] == metrics["accuracy"]["value"]
    loaded = load_run(run, backend=f"surrogate:{files['shots']}")
    surrogate: Any = loaded.classifier.compiled_router
    features_NF = select_rows(loaded).dataset.features_NF
    with pytest.warns(OutOfRangeWarning):
        (arguments,) = loaded.classifier.circuit_arguments(features_NF)
    error = surrogate.expectations(*arguments).std_errors.mean()
    np.testing.assert_allclose(metrics["router_std_error"]["value"], error, rtol=1e-12)
    assert found["uncertainty"]["low"] <= found["value"] <= found["uncertainty"]["high"]
    assert evaluate_run(loaded).metrics["accuracy"].value == found["value"]


def test_predict(
    qmoe: Callable[..., Any],
    the_document: Callable[[str], Any],
    run: Path,
    files: dict[str, Path],
    tmp_path: Path,
) -> None:
    rows = np.random.default_rng(0).uniform(-1, 2, (30, 2))
    names = load_run(run).manifest.data.feature_names
    np.savetxt(tmp_path / "x.csv", rows, delimiter=",", header=",".join(names), comments="")
    direct, through = (
        the_document(qmoe("predict", run, tmp_path / "x.csv", *options, "--json").stdout)
        for options in (NOISY, ("--surrogate", files["exact"]))
    )
    for one, other in zip(direct["predictions"], through["predictions"], strict=True):
        assert one["label"] == other["label"]
        np.testing.assert_allclose(one["probabilities"], other["probabilities"], atol=1e-9)


def test_export(
    qmoe: Callable[..., Any],
    the_document: Callable[[str], Any],
    run: Path,
    files: dict[str, Path],
    tmp_path: Path,
) -> None:
    outcome = qmoe("export", run, "--surrogate", files["exact"], "--out", tmp_path / "m.onnx")
    assert outcome.exit_code == 0, outcome.stderr
    assert "circuit measured on noisy:ibm_lagos" in outcome.stderr
    there = load_run(run, backend="noisy:ibm_lagos")
    rows = select_rows(there).dataset.features_NF
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    probabilities = session.run(["probabilities"], {"features": rows})[0]
    with pytest.warns(OutOfRangeWarning):
        expected_NC = there.classifier.predict_proba(rows)
    np.testing.assert_allclose(probabilities, expected_NC, atol=1e-9)
    options = ("--format", "torch", "--dtype", "float32", "--out", tmp_path / "m.pt2", "--json")
    document = the_document(qmoe("export", run / "control", *options).stdout)
    assert document["facts"]["circuit"] is None
    assert document["facts"]["dtype"] == "float32"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("surrogate", "RUN", "--out", "NEW", "--points", "x"), "--points must be a number"),
        (("surrogate", "RUN", "--out", "NEW", "--points", "5"), "points 5 are too few"),
        (("surrogate", "RUN", "--out", "NEW", "--max-points", "9"), "more than max_points, 9"),
        (("surrogate", "RUN", "--out", "NEW", "--checks", "-1"), "checks must be"),
        (("surrogate", "RUN", "--out", "NEW", "--on-failed-check", "x"), "'raise' or 'warn'"),
        (("surrogate", "RUN", "--out", "NEW", "--check-level", "2"), "check_level must be"),
        (("surrogate", "RUN", "--out", "exact"), "exists: choose another file"),
        (("surrogate", "RUN", "--out", "NEW", "--yes"), "--yes is for a device"),
        (("surrogate", "RUN", "--out", "NEW", "--backend", "surrogate:exact"), "not on a surro"),
        (
            ("surrogate", "RUN", "--out", "NEW", "--backend", "runtime:fake_manila", "--budget",
             "1s"),
            "--budget is for a device",
        ),
        (("surrogate", "CONTROL", "--out", "NEW"), "no circuit to measure"),
        (
            ("surrogate", "CONTROL", "--out", "NEW", "--backend", "runtime:fake_manila"),
            "no circuit to execute",
        ),
        (("evaluate", "RUN", "--surrogate", "NEW"), "there is no surrogate"),
        (("evaluate", "RUN", "--surrogate", "exact", *NOISY), "give one of them"),
        (("evaluate", "RUN", "--surrogate", "exact", "--shots", "9"), "was measured already"),
        (("evaluate", "CONTROL", "--surrogate", "exact"), "router 'linear' is classical"),
        (("predict", "CONTROL", "x.csv", "--surrogate", "exact"), "router 'linear' is classical"),
        (("export", "CONTROL", "--surrogate", "exact", "--out", "NEW"), "is classical"),
        (("export", "RUN", "--out", "exact"), "exists"),
        (("export", "RUN", "--out", "NEW", "--format", "x"), "unknown format 'x'"),
        (("export", "RUN", "--out", "NEW", "--surrogate", "manifest.json"), "damaged, or no surr"),
    ],
)  # fmt: skip
def test_refused(
    *,
    qmoe: Callable[..., Any],
    run: Path,
    files: dict[str, Path],
    tmp_path: Path,
    arguments: tuple[str, ...],
    reason: str,
) -> None:
    places = {
        "RUN": run,
        "CONTROL": run / "control",
        "NEW": tmp_path / "new",
        "exact": files["exact"],
        "surrogate:exact": f"surrogate:{files['exact']}",
        "manifest.json": run / "manifest.json",
    }
    outcome = qmoe(*(places.get(word, word) for word in arguments))
    assert outcome.exit_code == 2, outcome
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("error: ")
    assert outcome.stderr.count("\n") == 1
    assert reason in outcome.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("no_figures")
def test_a_surrogate_of_another_run(
    qmoe: Callable[..., Any],
    small: tuple[str, ...],
    files: dict[str, Path],
    tmp_path: Path,
) -> None:
    """Trained with another seed: the same circuit, other weights; or another circuit."""
    for options, reason in (
        (("--seed", "9"), "other weights"),
        (("--reuploads", "2"), "another mod"),
    ):
        other = tmp_path / options[0]
        assert qmoe("train", *small, *options, "--control", "none", "--out", other).exit_code == 0
        for command in ("evaluate", other), ("export", other, "--out", tmp_path / "m"):
            outcome = qmoe(*command, "--surrogate", files["exact"])
            assert outcome.exit_code == 2
            assert reason in outcome.stderr


def test_on_a_fake(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], run: Path, tmp_path: Path
) -> None:
    options = ("--backend", "runtime:fake_manila", "--shots", "64", "--json")
    document = the_document(qmoe("surrogate", run, *options, "--out", tmp_path / "s").stdout)
    assert document["record"]["backend"] == "runtime:fake_manila"
    assert document["record"]["mitigation"] == "TREX"
    assert document["estimated_seconds"] > 0
    assert document["record"]["jobs"] == []


def test_predictions_have_the_errors_of_the_measurement(
    qmoe: Callable[..., Any], run: Path, files: dict[str, Path], tmp_path: Path
) -> None:
    for name, file in files.items():
        table = tmp_path / f"{name}.csv"
        outcome = qmoe("evaluate", run, "--surrogate", file, "--predictions", table)
        assert outcome.exit_code == 0, outcome.stderr
        lines = [line.split(",") for line in table.read_text().splitlines()]
        places = [k for k, head in enumerate(lines[0]) if head.startswith("std_error_")]
        errors = np.array([[float(line[k]) for k in places] for line in lines[1:]])
        assert errors.size > 0
        assert (errors > 0).all() if name == "shots" else (errors == 0).all()


def test_in_slots(
    qmoe: Callable[..., Any], the_document: Callable[[str], Any], run: Path, tmp_path: Path
) -> None:
    """The mean over slots, with a slot's share of the shots."""
    options = ("--slots", "2", "--json")
    exact = the_document(
        qmoe(
            "surrogate", run, "--backend", "noisy:ibm_lagos", *options, "--out", tmp_path / "a"
        ).stdout
    )
    assert exact["check"]["largest_residual"] < 1e-9
    fake = ("--backend", "runtime:fake_lagos", "--shots", "65", "--resilience", "0")
    shots = the_document(qmoe("surrogate", run, *fake, *options, "--out", tmp_path / "b").stdout)
    assert (shots["shots"], shots["executions"], shots["record"]["slots"]) == (66, 11 * 33, 2)
    evaluated = the_document(qmoe("evaluate", run, "--surrogate", tmp_path / "b", "--json").stdout)
    assert (evaluated["execution"]["slots"], evaluated["execution"]["shots"]) == (2, 66)
    outcome = qmoe("evaluate", run, "--surrogate", tmp_path / "b", "--slots", "2")
    assert outcome.exit_code == 2
    assert "its slots are those of the measurement" in outcome.stderr


class TestOnDevices:
    """Against a loopback service."""

    ON_MANILA = ("--backend", "runtime:ibmq_manila", "--shots", "64")

    def test_consent_and_cost(
        self, ibm: Any, qmoe: Callable[..., Any], run: Path, tmp_path: Path
    ) -> None:
        arguments = ("surrogate", run, *self.ON_MANILA, "--out", tmp_path / "s")
        outcome = qmoe(*arguments)
        assert outcome.exit_code == 2
        assert "give --budget TIME, or --yes" in outcome.stderr
        outcome = qmoe(*arguments, "--budget", "0.1s")
        assert outcome.exit_code == 2
        assert "budget" in outcome.stderr
        assert ibm.jobs == []
        outcome = qmoe(*arguments, "--yes")
        assert outcome.exit_code == 0, outcome.stderr
        words = " ".join(outcome.stdout.split())
        assert "s of QPU time" in words
        assert f"charged {words.split('charged ')[1].split()[0]} s of QPU time for" in words
        assert ibm.jobs[0].id in words
        assert len(ibm.jobs) == 1

    def test_nothing_is_paid_twice(
        self,
        ibm: Any,
        qmoe: Callable[..., Any],
        the_document: Callable[[str], Any],
        run: Path,
        tmp_path: Path,
    ) -> None:
        arguments = ("surrogate", run, *self.ON_MANILA, "--json")
        first = the_document(qmoe(*arguments, "--yes", "--out", tmp_path / "a").stdout)
        assert first["record"]["backend"] == "runtime:ibmq_manila"
        ibm.stop()
        again = the_document(qmoe(*arguments, "--out", tmp_path / "b").stdout)
        assert again["check"] == first["check"]
        assert again["record"]["jobs"] == first["record"]["jobs"] == [ibm.jobs[0].id]
        assert again["seconds"] == first["seconds"] > 0
        for part in ("calibration", "physical_qubits", "mitigation", "shots"):
            assert again["record"][part] == first["record"][part]
        through = the_document(
            qmoe("evaluate", run, "--surrogate", tmp_path / "b", "--json").stdout
        )
        assert through["execution"]["shots"] == 64

    def test_in_slots(
        self,
        ibm: Any,
        qmoe: Callable[..., Any],
        the_document: Callable[[str], Any],
        run: Path,
        tmp_path: Path,
    ) -> None:
        """Also what is recorded is read as a mean over slots."""
        arguments = ("surrogate", run, *self.ON_MANILA, "--slots", "2", "--json")
        first = the_document(qmoe(*arguments, "--yes", "--out", tmp_path / "a").stdout)
        assert (first["record"]["slots"], first["executions"]) == (2, 11 * 32)
        ibm.stop()
        again = the_document(qmoe(*arguments, "--out", tmp_path / "b").stdout)
        assert len(ibm.jobs) == 1
        for part in ("check", "shots", "executions", "seconds"):
            assert again[part] == first[part]
        assert again["record"]["slots"] == 2


def test_facts_are_json(files: dict[str, Path]) -> None:
    data = files["exact"].read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    state = json.loads(header["__metadata__"]["state"])
    assert state["kind"] == "qmoe-surrogate"
