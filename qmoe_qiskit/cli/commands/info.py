"""`qmoe info`."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import console, metrics_document, write, write_json
from qmoe_qiskit.cli.output.tables import comparison_table, facts_table, metrics_table


def info(run_folder: common.RunFolder, *, as_json: common.Json = False) -> None:
    """Show a run: data, model, circuit, metrics, versions."""
    run = runs.read_run(run_folder)
    if as_json:
        write_json(_document(run))
    else:
        _print(run)


def _document(run: runs.OpenedRun) -> dict[str, Any]:
    control = run.control()
    return {
        "run": str(run.path),
        **dataclasses.asdict(run.manifest),
        "router_sees": run.projection or "every feature",
        "metrics": metrics_document(run.metrics),
        "epochs": run.history,
        "circuit": _drawing(run, 80),
        "control": None if control is None else _document(control),
    }


def _print(run: runs.OpenedRun) -> None:
    manifest, data, model = run.manifest, run.manifest.data, run.model
    facts = {
        "run": str(run.path),
        "created": manifest.created,
        "data": str(data),
        "source": data.source,
        "features": ", ".join(data.feature_names),
        "labels": f"{data.target}: {', '.join(map(str, model.classes))}",
        "router": run.router,
        "router sees": run.projection or "every feature",
        "experts": str(model.settings.n_experts),
        "ran on": "no circuit: the router is classical"
        if not run.has_circuit
        else str(manifest.execution or model.settings.backend),
        "epochs": f"{len(run.history)}, last training loss {run.history[-1]['train_loss']:.4f} nat",
        "seed": str(manifest.seed),
        "command": shlex.join(manifest.command) or "none: the model was trained in Python",
        "versions": ", ".join(f"{name} {text}" for name, text in manifest.versions.items()),
    }
    screen = console()
    drawing, control = _drawing(run, screen.width), run.control()  # nothing is shown of a bad run
    screen.print(facts_table(facts))
    rows = f"{data.n_test} {'rows' if data.split is None else 'held-out rows'}"
    screen.print(f"\nOn the {rows}, unless the metric says otherwise:")
    screen.print(metrics_table(run.metrics))
    if control is not None:
        screen.print(comparison_table(run))
    if drawing is not None:
        write(drawing + "\n")


def _drawing(run: runs.OpenedRun, width: int) -> str | None:
    """Return the router's circuit drawn in text, or None for a classical router."""
    if not run.has_circuit:
        return None
    return str(run.load_circuit().draw(fold=width, vertical_compression="high").single_string())
