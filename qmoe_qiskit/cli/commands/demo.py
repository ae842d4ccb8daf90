"""`qmoe demo`."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.commands.train import report
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import run_document, write, write_json
from qmoe_qiskit.cli.output.figures import draw_run
from qmoe_qiskit.cli.output.interruption import resumable


def demo(
    *,
    seed: common.Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder for the run.")] = Path("runs/demo"),
    force: common.Force = False,
    as_json: common.Json = False,
) -> None:
    """Train a quantum-routed model and its control on Two Moons: about ten seconds."""
    request = runs.TrainingRequest(control="linear", seed=seed)
    with resumable(out):
        run = runs.train_run(request, out, force=force, figures=draw_run, verbose=True)
    following = [
        f"qmoe info {shlex.quote(str(out))}",
        "qmoe train --data spirals --reuploads 3 --experts 4 --epochs 100",
        "qmoe train --data digits --control mlp:16",
    ]
    if as_json:
        write_json({**run_document(run), "next_commands": following})
        return
    report(run, as_json=False)
    # Without the console, which would wrap long lines: they could no longer be copied.
    write("\n".join(["", "What to try next:", *(f"  {line}" for line in following), ""]))
