"""`qmoe export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import check_vacant_file, remark, write_json


def export(
    run_folder: common.RunFolder,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write.")],
    file_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="onnx|torch",
            help="onnx, for ONNX Runtime (needs the extra onnx), or torch, for torch.export.load.",
        ),
    ] = "onnx",
    surrogate: common.SurrogateFile = None,
    dtype: Annotated[
        str, typer.Option(metavar="float64|float32", help="Type of features and probabilities.")
    ] = "float64",
    force: common.ForceFile = False,
    as_json: common.Json = False,
) -> None:
    """Write a run's model as a file that runs without Qiskit and without this program.

    The circuit is replaced by its surrogate: that of --surrogate, or one that is measured where the
    run was trained, unless that is paid for. Input: features, in raw units, in the order of the
    run. Outputs: probabilities, and class_index, the place of the most probable class.
    """
    from qmoe_qiskit.train.export import export_model

    check_vacant_file(out, force=force)
    run = runs.load_run(run_folder, backend=common.surrogate_backend(None, surrogate))
    exported = export_model(run.classifier, out, format=file_format, dtype=dtype, overwrite=force)
    if as_json:
        write_json({"run": str(run.path), **asdict(exported), "path": str(out)})
        return
    circuit = exported.facts["circuit"]
    model = "no circuit" if circuit is None else f"circuit measured on {circuit['backend']}"
    remark(f"model ({model}, {exported.n_bytes:,} bytes): {out}")
