"""A plan of shots, as JSON and for people."""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING, Any

from qmoe_qiskit.cli.output.documents import console
from qmoe_qiskit.cli.output.tables import open_table

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.cli.options.hardware import DeviceOptions
    from qmoe_qiskit.runs.on_hardware.prepare import Prepared
    from qmoe_qiskit.runs.shot_plan.plan import PlannedWay, ShotPlan

_FILE = "surrogate.safetensors"
# Below this tolerance a tenth of a per cent is too coarse.
_FINE = 0.01


def commands_of(
    way: PlannedWay, run_folder: Path, backend: str, device: DeviceOptions
) -> list[str]:
    """Return the commands that take a way, with the options that the plan was made with."""
    if way.reason is not None:
        return []
    rows = _given(device, "data", "target", "samples")
    names = ("options", "mode", "device_qubits")
    settings = _given(device, *names, *(() if way.name == "one-shot" else ("resilience",)))
    if way.name == "one-shot":
        settings += ["--resilience", "0"]
    if way.name not in {"direct", "surrogate"}:
        settings += ["--slots", device["slots"] or "auto", *_given(device, "spacing")]
    where = [str(run_folder), "--backend", backend]
    measured = [*settings, "--shots", str(way.shots)]
    if not way.name.startswith("surrogate"):
        return [_line("evaluate", *where, *rows, *measured)]
    return [
        _line("surrogate", *where, *measured, "--out", _FILE),
        _line("evaluate", str(run_folder), "--surrogate", _FILE, *rows),
    ]


def plan_document(
    plan: ShotPlan,
    prepared: Prepared,
    *,
    backend: str,
    device: DeviceOptions,
    remaining_s: float | None,
    price: float | None,
) -> dict[str, Any]:
    """Return a plan as JSON types."""
    ways = []
    for way in plan.ways:
        estimate = None if way.estimate is None else way.estimate.document()
        ways.append(
            {
                **dataclasses.asdict(way),
                "estimate": estimate,
                "dollars": None
                if price is None or way.estimate is None
                else way.estimate.cost(price),
                "commands": commands_of(way, prepared.run.path, backend, device),
            }
        )
    return {
        "run": str(prepared.run.path),
        "device": prepared.device.name,
        "simulated": prepared.device.is_local,
        **dataclasses.asdict(dataclasses.replace(plan, ways=())),
        "ways": ways,
        "remaining_seconds": remaining_s,
    }


def show_plan(
    plan: ShotPlan,
    prepared: Prepared,
    *,
    backend: str,
    device: DeviceOptions,
    remaining_s: float | None,
    price: float | None,
) -> None:
    """Print a plan for people."""
    screen, name = console(), prepared.device.name
    what = "predicted classes" if plan.decision == "class" else "routing decisions"
    screen.print(
        f"{prepared.run.path} on {name}: {prepared.rows}; shots may change {plan.tolerance:g} of "
        f"the {what}"
    )
    numbers = ["shots", "circuits", "executions", "QPU s", "changed\n%", "95 % of\nruns, %"]
    digits = 1 if plan.tolerance >= _FINE else 3
    table = open_table("way", numbers=numbers, no_wrap=True)
    for way in plan.possible:
        assert way.estimate is not None
        assert way.flips is not None
        expected, error = way.flips.expected, way.flips.std_error
        low, high = (f"{100 * share:.{digits}f}" for share in (way.flips.low, way.flips.high))
        table.add_row(
            way.name.replace(" ", "\n"),
            f"{way.shots:,}",
            f"{way.estimate.circuits:,}",
            f"{way.estimate.executions:,}",
            f"{way.estimate.seconds:.1f}",
            f"{100 * expected:.{digits + 1}f} ± {100 * error:.{digits + 1}f}",
            f"{low} to {high}",
        )
    screen.print(table)
    for way in plan.ways:
        if way.reason is not None:
            screen.print(f"- {way.name}: {way.reason}", soft_wrap=True)
    for note in _notes(plan, name):
        screen.print(f"- {note}")
    if remaining_s is not None:
        screen.print(f"- {remaining_s:.0f} s of the allowance are left")
    for way in plan.possible:
        assert way.estimate is not None
        dollars = "" if price is None else f", {way.estimate.cost(price):.2f} dollars"
        screen.print(f"{way.name}{dollars}:", highlight=False)
        for line in commands_of(way, prepared.run.path, backend, device):
            screen.print(f"  {line}", soft_wrap=True, highlight=False)


def _notes(plan: ShotPlan, device: str) -> list[str]:
    """Return what people must know of the numbers, one sentence each."""
    counted = f"{plan.n_counted} rows" + (
        "" if plan.n_counted == plan.n_rows else f", which stand for all {plan.n_rows}"
    )
    share = f"{plan.noise_flips:.1%}"
    notes = [
        (
            "changed: the expected share of decisions other than with infinitely many shots on the "
            f"direct way's qubits, on {counted}; bit strings are drawn from their exact "
            "distribution under the calibration"
        ),
        (
            f"the noise alone, with infinitely many shots, changes {share} of the decisions of the "
            "circuit without noise: no shots cure that"
        ),
    ]
    packed = next(way for way in plan.ways if way.name == "packed")
    if plan.n_slots is not None and packed.flips_without_shots is not None:
        evaluated = (
            ""
            if plan.n_slots_evaluated == plan.n_slots
            else f"; {plan.n_slots_evaluated} of them, spread over the expected errors, stand for "
            "all"
        )
        notes.append(
            f"packed: {plan.n_slots} slots, whose unequal noise changes "
            f"{packed.flips_without_shots:.1%} whatever the shots{evaluated}; the calibration has "
            "no crosstalk"
        )
    if any(way.name.startswith("surrogate") for way in plan.possible):
        notes.append(
            "surrogate: all rows share the shots of the points, so that runs differ more; "
            "its circuits serve any number of rows"
        )
    notes.append(f"QPU seconds are those of qmoe estimate for {device}; nothing was sent")
    return notes


def _given(device: DeviceOptions, *names: str) -> list[str]:
    """Return the options of these names that were given, as words."""
    return [
        word
        for name in names
        if device.get(name) is not None
        for word in (f"--{name.replace('_', '-')}", str(device[name]))
    ]


def _line(*words: str) -> str:
    return shlex.join(["qmoe", *words])
