"""`qmoe demo`."""

import os
import shlex
import shutil
import sys
from functools import partial
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
    figures_format: common.FiguresFormat = "png",
    force: common.Force = False,
    as_json: common.Json = False,
) -> None:
    """Train a quantum-routed model and its control on Two Moons: about ten seconds."""
    request = runs.TrainingRequest(control="linear", seed=seed)
    with resumable(out):
        figures = partial(draw_run, file_format=figures_format)
        run = runs.train_run(request, out, force=force, figures=figures, verbose=True)
    program = _program()
    following = [
        f"{program} info {shlex.quote(str(out))}",
        f"{program} train --data spirals --reuploads 3 --experts 4 --epochs 100",
        f"{program} train --data digits --control mlp:16",
    ]
    if as_json:
        write_json({**run_document(run), "next_commands": following})
        return
    report(run, as_json=False)
    # Without the console, which would wrap long lines: they could no longer be copied.
    write("\n".join(["", "What to try next:", *(f"  {line}" for line in following), ""]))


def _program() -> str:
    """Return how the reader's shell finds this program: `make demo` does not activate .venv."""
    started = Path(sys.argv[0])
    if started.name != "qmoe" or not started.is_file():
        return "qmoe"
    found = shutil.which("qmoe")
    if found is not None and Path(found).samefile(started):
        return "qmoe"
    return shlex.quote(os.path.relpath(started))
