"""`qmoe attack`."""

from __future__ import annotations

from typing import Annotated

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import console, write_json
from qmoe_qiskit.cli.output.tables import open_table, spent_text


def attack(
    run_folder: common.RunFolder,
    *,
    seed: Annotated[int, typer.Option(help="Seed of the control.")] = 0,
    as_json: common.Json = False,
) -> None:
    """Try to tell a run's training rows from held-out rows by their losses."""
    run = runs.load_run(run_folder)
    report = runs.attack_run(run, seed=seed)
    if as_json:
        write_json({"run": str(run.path), **report.document()})
        return
    screen = console()
    table = open_table("model", numbers=("AUC", "95 % interval"))
    for name, auc in ((run.router, report.auc), ("control, learned by heart", report.control)):
        table.add_row(name, f"{auc.value:.3f}", f"{auc.low:.3f} to {auc.high:.3f}")
    screen.print(
        f"Loss of {report.n_members} training rows against {report.n_others} held-out rows; at 0.5 "
        "they cannot be told apart:"
    )
    screen.print(table)
    screen.print(f"Privacy spent: {spent_text(run)}")
    if report.bound is not None:
        screen.print(f"No attack on one row can have an AUC above {report.bound:.3f}.")
    screen.print(f"Verdict: {report.outcome}; {report.meaning}.")
