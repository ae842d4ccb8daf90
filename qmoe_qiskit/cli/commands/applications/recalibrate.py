"""`qmoe recalibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import console, remark, write_json
from qmoe_qiskit.cli.output.tables import open_table

if TYPE_CHECKING:
    from qmoe_qiskit.adaptive import RecalibrationPlan
    from qmoe_qiskit.noise_profiles import NoiseProfile

_CALIBRATION = "A stored profile (qmoe profiles list), a .json file or fake_DEVICE."


def recalibrate(
    run_folder: common.RunFolder,
    *,
    backend: Annotated[
        str, typer.Option(metavar="CALIBRATION", help=f"The device as it is now. {_CALIBRATION}")
    ],
    deployment: Annotated[
        str | None,
        typer.Option(
            metavar="CALIBRATION",
            help="The device when the model was deployed; by default that of the training.",
        ),
    ] = None,
    probes: Annotated[
        int, typer.Option(help="Number of rows that the device is asked for each time.")
    ] = 64,
    limit: Annotated[
        float | None,
        typer.Option(
            help="Largest share of probes whose label may differ from the reference's; by default "
            "what the flips at deployment can explain by chance, at 95 %."
        ),
    ] = None,
    budget: Annotated[
        int | None, typer.Option(help="The most circuits to execute, the probes included.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Number of epochs of a retraining.")] = 10,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Run to write the model into.")
    ] = None,
    force: common.Force = False,
    as_json: common.Json = False,
) -> None:
    """Plan what to do with a model whose device has drifted, with the executions of each way.

    Each way is simulated exactly under the calibration that is given; nothing is executed on a
    device. Capture the calibration of a device of IBM Quantum first, see qmoe profiles capture.
    """
    from qmoe_qiskit.adaptive import recalibrate as plan_for
    from qmoe_qiskit.runs.evaluation import own_split
    from qmoe_qiskit.runs.store.folder import check_vacant

    if out is not None:
        check_vacant(out, force=force)
    run = runs.load_run(run_folder)
    rows = own_split(run).train
    plan = plan_for(
        run.classifier,
        _calibration(backend),
        rows.features_NF,
        rows.labels_N,
        deployment=None if deployment is None else _calibration(deployment),
        probes=probes,
        limit=limit,
        budget=budget,
        epochs=epochs,
        seed=run.manifest.seed,
    )
    if out is not None:
        _save(plan, run, out, force=force)
    if as_json:
        written = None if out is None else str(out)
        write_json({"run": str(run_folder), **plan.to_json(), "out": written})
        return
    _show(plan)
    if out is not None:
        remark(f"run: {out}")


def _calibration(name: str) -> NoiseProfile:
    from qmoe_qiskit.backends.noisy.registry import noise_from
    from qmoe_qiskit.errors import InputError
    from qmoe_qiskit.noise_profiles import NoiseProfile

    plain = name.removeprefix("noisy:").removeprefix("runtime:")
    found = noise_from(f"noisy:{plain}")
    if not isinstance(found, NoiseProfile):
        raise InputError(
            f"{name!r} is no calibration of a device: name a stored profile, such as ibm_torino, "
            "a .json file, or fake_DEVICE"
        )
    return found


def _save(plan: RecalibrationPlan, run: runs.Run, out: Path, *, force: bool) -> None:
    from qmoe_qiskit.runs.evaluation import own_data

    split = run.manifest.data.split
    runs.save_run(
        plan.apply(),
        out,
        own_data(run),
        test_fraction=None if split is None else split.test_fraction,
        seed=0 if split is None else split.seed,
        force=force,
    )


def _show(plan: RecalibrationPlan) -> None:
    screen = console()
    screen.print(
        f"{plan.deployment_flips} of {plan.probes} probes had another label at deployment than in "
        f"training; up to {plan.limit:.1%} are accepted."
    )
    table = open_table("", "action", numbers=("circuits", "other labels", "accuracy"))
    for action in plan.actions:
        table.add_row(
            "*" if action is plan.chosen else "",
            action.name,
            f"{action.executions:,}",
            f"{action.flips} of {plan.probes}",
            f"{action.accuracy:.3f}",
        )
    screen.print(table)
    budget = "" if plan.budget is None else f" of a budget of {plan.budget:,}"
    screen.print(
        f"* {plan.chosen.name}: {plan.executions:,} circuits{budget}, {plan.probes} of them for "
        "the probes; times the shots of each."
    )
    if not plan.reaches_limit:
        screen.print("No action within the budget brings the labels back within the limit.")
