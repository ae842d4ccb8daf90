"""The program as a whole: its commands and options, its start, its errors."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

import qmoe_qiskit.runs
from qmoe_qiskit.backends import list_backends
from qmoe_qiskit.circuits import ENTANGLEMENTS, ROTATIONS
from qmoe_qiskit.cli import app
from qmoe_qiskit.data import list_datasets
from qmoe_qiskit.moe import READOUTS, ROUTERS, ROUTINGS
from qmoe_qiskit.runs import TrainingRequest
from qmoe_qiskit.runs.command_line import option_of

if TYPE_CHECKING:
    from collections.abc import Callable

# Scripts of users depend on these: nothing here goes away or changes its meaning without a notice.
COMMANDS = {
    "demo": ["--figures-format", "--force", "--json", "--out", "--seed"],
    "train": [
        "--backend", "--balance", "--balance-loss", "--batch-size", "--bias-rate", "--bounds",
        "--budget", "--capacity-factor", "--circuit", "--classes", "--clip", "--config",
        "--control", "--data", "--delta", "--device-qubits", "--drop", "--early-stopping",
        "--entanglement", "--epochs", "--epsilon", "--expert", "--experts", "--features",
        "--figures-format", "--force", "--init", "--initialization", "--input-scaling", "--json",
        "--layers", "--learning-rate", "--method", "--mitigation", "--out", "--patience",
        "--print-settings", "--projection", "--qubits", "--readout", "--resume", "--reuploads",
        "--rotation", "--router", "--router-noise", "--routing", "--samples", "--seed", "--shots",
        "--slots", "--steps", "--target", "--task", "--test-fraction", "--top-k", "--votes",
    ],
    "evaluate": [
        "--backend", "--budget", "--data", "--device-qubits", "--figures", "--force", "--json",
        "--ledger", "--mitigation", "--mode", "--options", "--predictions", "--repetition",
        "--resilience", "--samples", "--settle", "--shots", "--slots", "--spacing", "--surrogate",
        "--target", "--votes", "--yes", "RUN",
    ],
    "predict": [
        "--backend", "--budget", "--device-qubits", "--force", "--json", "--keep", "--ledger",
        "--mitigation", "--mode", "--options", "--out", "--repetition", "--resilience", "--settle",
        "--shots", "--slots", "--spacing", "--surrogate", "--yes", "FILE", "RUN",
    ],
    "explain": [
        "--backend", "--force", "--json", "--out", "--permutations", "--samples", "--seed",
        "--surrogate", "--target", "DATA", "RUN",
    ],
    "surrogate": [
        "--backend", "--budget", "--check-level", "--checks", "--device-qubits", "--force",
        "--json", "--ledger", "--max-points", "--mitigation", "--mode", "--on-failed-check",
        "--options", "--out", "--points", "--repetition", "--resilience", "--settle", "--shots",
        "--slots", "--spacing", "--yes", "RUN",
    ],
    "export": ["--dtype", "--force", "--format", "--json", "--out", "--surrogate", "RUN"],
    "info": ["--json", "RUN..."],
    "attack": ["--json", "--seed", "RUN"],
    "compare": [
        "--batch-size", "--data", "--device", "--drop", "--epochs", "--experts", "--features",
        "--figures-format", "--force", "--json", "--layers", "--learning-rates", "--margin",
        "--mitigation", "--out", "--routers", "--samples", "--seeds", "--shots", "--target",
        "--test-fraction", "--workers",
    ],
    "stream": [
        "--controls", "--detector", "--figure", "--force", "--json", "--policies", "--target",
        "--window", "DATA", "RUN",
    ],
    "recalibrate": [
        "--backend", "--budget", "--deployment", "--epochs", "--force", "--json", "--limit",
        "--out", "--probes", "RUN",
    ],
    "federate": [
        "--backend", "--balance", "--balance-loss", "--batch-size", "--bias-rate", "--bounds",
        "--capacity-factor", "--circuit", "--clients", "--data", "--delta", "--device-qubits",
        "--drop", "--drop-rate", "--engine", "--entanglement", "--expert", "--experts",
        "--features", "--initialization", "--input-scaling", "--json", "--layers",
        "--learning-rate", "--local-epochs", "--max-norm", "--method", "--min-clients",
        "--mitigation", "--noise-multiplier", "--out", "--partition", "--projection", "--qubits",
        "--readout", "--resume", "--reuploads", "--rotation", "--rounds", "--router",
        "--router-noise", "--routing", "--sample-rate", "--samples", "--seed", "--share",
        "--shots", "--target", "--test-fraction", "--timeout", "--top-k", "--votes",
    ],
    "noise": [
        "--batch-size", "--circuit", "--data", "--device", "--device-qubits", "--drift-hours",
        "--drift-seed", "--drop", "--early-stopping", "--entanglement", "--epochs", "--experts",
        "--features", "--force", "--initialization", "--input-scaling", "--json", "--later",
        "--layers", "--learning-rate", "--mitigation", "--out", "--patience", "--projection",
        "--qubits", "--readout", "--resume", "--reuploads", "--rotation", "--samples", "--seed",
        "--shots", "--target", "--test-fraction",
    ],
    "diagnose": [
        "--circuit", "--draws", "--figure", "--force", "--initialization", "--input-scaling",
        "--json", "--layers", "--observable", "--qubits", "--seed",
    ],
    "estimate": [
        "--backend", "--data", "--decision", "--device-qubits", "--json", "--ledger", "--mode",
        "--options", "--price", "--resilience", "--samples", "--shots", "--slots", "--spacing",
        "--target", "--tolerance", "RUN",
    ],
    "submit": [
        "--backend", "--budget", "--data", "--device-qubits", "--json", "--ledger", "--mode",
        "--options", "--repetition", "--resilience", "--samples", "--settle", "--shots", "--slots",
        "--spacing", "--target", "--wait", "--yes", "RUN",
    ],
    "slots": [
        "--force", "--json", "--max-error", "--out", "--router", "--slots", "--spacing", "DEVICE",
    ],
    "crosstalk": [
        "--backend", "--budget", "--data", "--device-qubits", "--json", "--ledger", "--mode",
        "--options", "--repetition", "--resilience", "--samples", "--settle", "--shots", "--slots",
        "--spacing", "--target", "--yes", "RUN",
    ],
    "jobs list": ["--json", "--ledger"],
    "jobs show": ["--json", "--ledger", "KEY"],
    "jobs collect": ["--json", "--ledger", "--wait", "KEY"],
    "jobs cancel": ["--json", "--ledger", "KEY"],
    "jobs retry": ["--json", "--ledger", "KEY"],
    "jobs export": ["--force", "--json", "--ledger", "--out", "KEY"],
    "study": [
        "--cluster", "--figures-format", "--force", "--json", "--no-resume", "--out",
        "--print-settings", "--quick", "--resume", "--seeds", "--settings", "--workers", "NAME",
    ],
    "report": ["--figures-format", "--index", "--json", "DIR..."],
    "profiles list": ["--json"],
    "profiles show": ["--force", "--json", "--no-figure", "--out", "NAME"],
    "profiles capture": ["--at", "--force", "--fractional-gates", "--json", "--out", "SOURCE"],
    "profiles scale": [
        "--factor", "--force", "--gates", "--json", "--out", "--readout", "--relaxation", "NAME",
    ],
    "profiles diff": ["--json", "A", "B"],
    "profiles check": ["--json", "FILE"],
}  # fmt: skip


def commands() -> dict[str, Any]:
    """Every command by its name, those of groups with the group's."""
    found: dict[str, Any] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        found |= {f"{name} {k}": c for k, c in below.items()} if below else {name: command}
    return found


def test_commands_and_options() -> None:
    found = {
        name: sorted(
            parameter.metavar if parameter.param_type_name == "argument" else option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
        )
        for name, command in commands().items()
    }
    assert found == COMMANDS


def test_every_setting_has_its_option_and_default() -> None:
    parameters = {p.name: p for p in commands()["train"].params}
    for field in dataclasses.fields(TrainingRequest):
        assert parameters[field.name].opts == [option_of(field.name)]
        assert parameters[field.name].default == field.default


def test_every_command_has_help(qmoe: Callable[..., Any]) -> None:
    for name in ("", *COMMANDS):
        outcome = qmoe(*name.split(), "--help")
        assert outcome.exit_code == 0
        assert "Usage" in outcome.stdout
    for name, command in commands().items():
        for parameter in command.params:
            assert parameter.help, (name, parameter.name)


def test_help_lists_the_names_that_exist() -> None:
    texts = {p.name: p.help for p in commands()["train"].params}
    for name, known in {
        "data": list_datasets(),
        "router": ROUTERS.names,
        "rotation": ROTATIONS,
        "entanglement": ENTANGLEMENTS,
        "readout": READOUTS,
        "routing": ROUTINGS,
    }.items():
        words = re.split("[ ,.;]+", texts[name])
        assert set(known) <= set(words), name
    everywhere = {p.name: p.help for p in commands()["evaluate"].params}["backend"]
    for form in set(list_backends()) - {"surrogate:FILE"}:  # it has an option of its own
        assert form in everywhere
        assert (form in texts["backend"]) == (not form.startswith("runtime:"))


def test_version(qmoe: Callable[..., Any]) -> None:
    outcome = qmoe("--version")
    assert outcome.exit_code == 0
    assert outcome.stdout == f"qmoe {version('qmoe-qiskit')}\n"


@pytest.mark.process
def test_help_loads_no_heavy_library(tmp_path: Path) -> None:
    code = """
import json, sys
from qmoe_qiskit.cli import main
sys.argv = ["qmoe", "--help"]
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)))
"""
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    loaded = {name.partition(".")[0] for name in json.loads(result.stdout.splitlines()[-1])}
    assert "typer" in loaded
    assert loaded.isdisjoint(
        {"matplotlib", "numpy", "pandas", "pydantic", "qiskit", "scipy", "sklearn", "torch"}
    )


def test_help_is_quick(real_program: str, tmp_path: Path) -> None:
    """Half a second; processor time of the best of three, so that a busy machine does not count."""

    def spent() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([real_program, "--help"], capture_output=True, check=True, cwd=tmp_path)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert any(spent() < 0.5 for _ in range(3))


def test_wrong_usage_exits_with_2(qmoe: Callable[..., Any]) -> None:
    for arguments in (["unheard-of"], ["train", "--unheard-of"], ["train", "--layers", "x"], []):
        outcome = qmoe(*arguments)
        assert outcome.exit_code == 2
        assert "Traceback" not in outcome.stderr


def test_unexpected_error_keeps_its_traceback(
    qmoe: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("qmoe_qiskit.runs.read_run", fail)
    outcome = qmoe("info", "somewhere")
    assert outcome.exit_code == 1
    assert isinstance(outcome.exception, ZeroDivisionError)


def test_verbose_shows_log_records_on_stderr(
    qmoe: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, run: Path
) -> None:
    log = logging.getLogger("qmoe_qiskit.hardware")

    def read_run(path: Path) -> Any:
        log.debug("reading %s", path.name)
        log.warning("slowly")
        return original(path)

    original = qmoe_qiskit.runs.read_run
    monkeypatch.setattr("qmoe_qiskit.runs.read_run", read_run)
    silent, *verbose = (qmoe(*option, "info", run) for option in ((), ("-v",), ("--verbose",)))
    assert silent.stderr == ""
    for outcome in verbose:
        assert outcome.stdout == silent.stdout
        first, second = outcome.stderr.splitlines()
        assert first.endswith(f" qmoe_qiskit.hardware: reading {run.name}")
        assert second.endswith(" qmoe_qiskit.hardware: slowly")
    package = logging.getLogger("qmoe_qiskit")
    assert not [h for h in package.handlers if isinstance(h, logging.StreamHandler)]
    assert package.level == logging.NOTSET
