"""`qmoe info`."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import console, metrics_document, write, write_json
from qmoe_qiskit.cli.output.side_by_side import settings_that_differ, side_by_side
from qmoe_qiskit.cli.output.tables import (
    comparison_table,
    facts_table,
    metrics_table,
    spent_text,
)
from qmoe_qiskit.errors import InputError

RunFolders = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")]
MOST_RUNS = 20


def info(run_folders: RunFolders, *, as_json: common.Json = False) -> None:
    """Show a run: data, model, circuit, metrics, versions. Show several runs side by side."""
    if len(run_folders) > MOST_RUNS:
        raise InputError(f"{len(run_folders)} runs are too many: at most {MOST_RUNS} are shown")
    opened = [runs.read_run(folder) for folder in run_folders]
    if len(opened) > 1:
        if as_json:
            differing = settings_that_differ(opened)
            write_json({"runs": [_document(run) for run in opened], "settings": differing})
        else:
            side_by_side(opened)
    elif as_json:
        write_json(_document(opened[0]))
    else:
        _print(opened[0])


def _document(run: runs.OpenedRun) -> dict[str, Any]:
    controls = [_document(control) for control in run.controls()]
    return {
        "run": str(run.path),
        **dataclasses.asdict(run.manifest),
        "router_sees": run.projection or "every feature",
        "mixture": _mixture(run),
        "metrics": metrics_document(run.metrics),
        "epochs": run.history,
        "circuit": _drawing(run, 80),
        "control": controls[0] if controls else None,
        "controls": controls,
    }


def _print(run: runs.OpenedRun) -> None:
    manifest, data, model = run.manifest, run.manifest.data, run.model
    facts = {
        "run": str(run.path),
        "created": manifest.created,
        "data": str(data),
        "source": data.source,
        "features": ", ".join(data.feature_names),
        **_target(run),
        "router": run.router,
        "router sees": run.projection or "every feature",
        **_circuit(run),
        "experts": _experts(run),
        **_votes(run),
        "ran on": "no circuit: the router is classical"
        if not run.has_circuit
        else str(manifest.execution or model.settings.backend),
        "epochs": f"{len(run.history)}, {_last_loss(run)}",
        **_privacy(run),
        "seed": str(manifest.seed),
        "command": shlex.join(manifest.command) or "none: the model was trained in Python",
        "versions": ", ".join(f"{name} {text}" for name, text in manifest.versions.items()),
    }
    screen = console()
    drawing, controls = _drawing(run, screen.width), run.controls()  # a bad run shows nothing
    screen.print(facts_table(facts))
    rows = f"{data.n_test} {'rows' if data.split is None else 'held-out rows'}"
    screen.print(f"\nOn the {rows}, unless the metric says otherwise:")
    screen.print(metrics_table(run.metrics))
    if controls:
        screen.print(comparison_table(run))
    if drawing is not None:
        write(drawing + "\n")


def _last_loss(run: runs.OpenedRun) -> str:
    if "train_loss" not in run.history[-1]:
        return "whose losses, of private rows, are not recorded"
    unit = " nat" if run.task == "classification" else ""
    return f"last training loss {run.history[-1]['train_loss']:.4f}{unit}"


def _privacy(run: runs.OpenedRun) -> dict[str, str]:
    """Return a fact about the privacy of the training rows, if there is one."""
    is_private = "privacy_spent" in run.manifest.model
    return {"privacy spent": spent_text(run)} if is_private else {}


def _target(run: runs.OpenedRun) -> dict[str, str]:
    target, model = run.manifest.data.target, run.manifest.model
    if run.task == "regression":
        mean, scale = model["target_mean"], model["target_scale"]
        return {"target": f"{target}: mean {mean:.4g}, standard deviation {scale:.4g} in training"}
    return {"labels": f"{target}: {', '.join(map(str, run.model.classes))}"}


# What a manifest leaves out where it is the default.
_MIXTURE = {
    "projection": "auto",
    "circuit": "angle",
    "initialization": "uniform",
    "n_experts": 2,
    "expert": "linear",
    "top_k": None,
    "capacity_factor": None,
    "balance": "switch",
    "balance_weight": 0.0,
    "bias_rate": 0.0,
}


def _mixture(run: runs.OpenedRun) -> dict[str, Any]:
    """Return what decides on router and experts; circuit and its start of a quantum router only."""
    settings = {**_MIXTURE, **run.manifest.model["settings"]}
    if settings["router"] != "quantum":
        settings |= {"circuit": None, "initialization": None}
    return {name: settings[name] for name in _MIXTURE}


def _experts(run: runs.OpenedRun) -> str:
    """Return number and kind of the experts, how many run, and how they are balanced."""
    mixture = _mixture(run)
    said = [f"{mixture['n_experts']}", mixture["expert"]]
    if mixture["top_k"] is not None:
        said.append(f"{mixture['top_k']} per row")
    if mixture["capacity_factor"] is not None:
        said.append(f"capacity factor {mixture['capacity_factor']}")
    if mixture["balance_weight"]:
        said.append(f"{mixture['balance']} loss {mixture['balance_weight']}")
    if mixture["bias_rate"]:
        said.append(f"bias rate {mixture['bias_rate']}")
    return ", ".join(said)


def _circuit(run: runs.OpenedRun) -> dict[str, str]:
    """Return facts about the router's circuit, if it is one of ours."""
    settings = run.manifest.model["settings"]
    if settings["router"] != "quantum":
        return {}
    mixture = _mixture(run)
    scaled = ", inputs scaled by weights" if settings.get("input_scaling") else ""
    return {"circuit": f"{mixture['circuit']}{scaled}; initialization {mixture['initialization']}"}


def _votes(run: runs.OpenedRun) -> dict[str, str]:
    """Return a fact about the draw of experts, if there is one."""
    settings = run.manifest.model["settings"]
    if settings.get("routing", "weighted") != "sampled":
        return {}
    n_votes = settings.get("n_votes", 1)
    votes = f"{n_votes} vote{'s' * (n_votes != 1)} per row" if n_votes else "the whole mixture"
    return {"experts drawn": votes}


def _drawing(run: runs.OpenedRun, width: int) -> str | None:
    """Return the router's circuit drawn in text, or None for a classical router."""
    if not run.has_circuit:
        return None
    return str(run.load_circuit().draw(fold=width, vertical_compression="high").single_string())
