"""`qmoe explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import (
    check_vacant_file,
    console,
    remark,
    write_file,
    write_json,
)


def explain(
    run_folder: common.RunFolder,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Rows to explain: a built-in name or a file with labels; by default the run's "
            "held-out rows.",
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html", help="Write one page that a browser shows without network."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of the file that holds the labels."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="Number of rows, from the start; by default all.")
    ] = None,
    permutations: Annotated[int, typer.Option(help="Number of permutations of each feature.")] = 5,
    backend: common.OtherBackend = None,
    surrogate: common.SurrogateFile = None,
    seed: Annotated[int, typer.Option(help="Seed of permutations, bootstrap and folds.")] = 0,
    force: common.ForceFile = False,
    as_json: common.Json = False,
) -> None:
    """Explain which inputs a run's router sends to which expert, and why.

    Everything is computed from the model: where the weights change, by which features, in which
    waves of the circuit, for which classes, and how far a linear router would do the same. The
    circuit is evaluated exactly, also where it was trained with shots.
    """
    from qmoe_qiskit.runs.evaluation import select_rows
    from qmoe_qiskit.runs.explaining.explaining import explain_rows
    from qmoe_qiskit.runs.explaining.opening import load_exactly

    if out is not None:
        check_vacant_file(out, force=force)
    run = load_exactly(run_folder, common.surrogate_backend(backend, surrogate))
    rows = select_rows(run, data, target=target, samples=samples).dataset
    explanation = explain_rows(run, rows, n_permutations=permutations, seed=seed)
    if out is not None:
        write_file(out, explanation.to_html().encode())
    if as_json:
        document = {"run": str(run.path), **explanation.document()}
        write_json({**document, "page": None if out is None else str(out)})
        return
    from qmoe_qiskit.runs.explaining.page import findings

    screen = console()
    screen.print(f"{explanation.router}; {len(rows.labels_N)} rows of {rows.name}")
    screen.print(explanation.sees)
    for sentence in findings(explanation).values():
        screen.print(f"- {sentence}")
    if out is not None:
        remark(f"page: {out}")
