"""`qmoe diagnose`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qmoe_qiskit.circuits.families import CIRCUITS
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import (
    check_vacant_file,
    console,
    remark,
    write_file,
    write_json,
)
from qmoe_qiskit.errors import InputError, unknown_name
from qmoe_qiskit.moe.routers.initialization import INITIALIZATIONS

if TYPE_CHECKING:
    from qmoe_qiskit.moe import GradientVariance

_MOST_CIRCUITS = 100


def diagnose(
    *,
    circuit: Annotated[str, typer.Option(help=f"{CIRCUITS.help}.")] = "angle",
    initialization: Annotated[str, typer.Option(help=f"{INITIALIZATIONS.help}.")] = "uniform",
    input_scaling: Annotated[
        bool, typer.Option("--input-scaling", help="Multiply the circuit's inputs by weights.")
    ] = False,
    observable: Annotated[
        str, typer.Option(help="local (Z on one qubit) or global (Z on all qubits).")
    ] = "local",
    qubits: Annotated[str, typer.Option(metavar="N,N,...", help="Numbers of qubits.")] = "2,4,6,8",
    layers: Annotated[str, typer.Option(metavar="N,N,...", help="Numbers of layers.")] = "2,8",
    draws: Annotated[int, typer.Option(help="Number of draws of weights and inputs.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Figure to write: .png, .svg or .pdf.")
    ] = None,
    force: common.ForceFile = False,
    as_json: common.Json = False,
) -> None:
    """Measure how the gradients of a circuit vary with its size: is there a barren plateau?

    A gradient whose variance falls like 2^-n with the number of qubits is too small to follow, or
    to measure by shots, in larger circuits. Nothing is trained, and the circuit has no noise.
    """
    from qmoe_qiskit.moe import gradient_variance

    sizes = [
        (n_layers, n) for n_layers in _counts("layers", layers) for n in _counts("qubits", qubits)
    ]
    if len(sizes) > _MOST_CIRCUITS:
        raise InputError(
            f"{len(sizes)} circuits are too many: at most {_MOST_CIRCUITS} are measured"
        )
    if figure is not None:
        from qmoe_qiskit.figures.style import FORMATS

        check_vacant_file(figure, force=force, option="--figure")
        if figure.suffix.removeprefix(".") not in FORMATS:
            raise unknown_name("format of figures", figure.suffix.removeprefix("."), FORMATS)
    found = [
        gradient_variance(
            circuit,
            n,
            n_layers,
            n_draws=draws,
            seed=seed,
            observable=observable,
            initialization=initialization,
            input_scaling=input_scaling,
        )
        for n_layers, n in sizes
    ]
    if figure is not None:
        _draw(found, figure, title=f"circuit {circuit},\n{observable} observable, {initialization}")
    if as_json:
        write_json(
            {
                "circuit": circuit,
                "initialization": initialization,
                "input_scaling": input_scaling,
                "observable": observable,
                "draws": draws,
                "seed": seed,
                "variances": [
                    {
                        "layers": one.n_layers,
                        "qubits": one.n_qubits,
                        "mean": one.mean,
                        "largest": one.largest,
                    }
                    for one in found
                ],
                "slopes": [
                    {"layers": n_layers, "mean": mean, "largest": largest}
                    for n_layers, (mean, largest) in _slopes(found).items()
                ],
                "figure": None if figure is None else str(figure),
            }
        )
        return
    _show(found)
    if figure is not None:
        remark(f"figure: {figure}")


def _counts(name: str, text: str) -> list[int]:
    """Read a list of counts from an option, sorted."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() and int(word[:6]) > 0 for word in words):
        raise InputError(f"--{name} must be numbers of at least 1, such as 2,4,8; got {text!r}")
    return sorted({int(word[:6]) for word in words})


def _slopes(found: list[GradientVariance]) -> dict[int, tuple[float | None, float | None]]:
    """Return, per number of layers, the decay of the mean and of the largest variance."""
    from qmoe_qiskit.moe import decay_per_qubit

    slopes = {}
    for n_layers in dict.fromkeys(one.n_layers for one in found):
        same = [one for one in found if one.n_layers == n_layers]
        n_qubits = [one.n_qubits for one in same]
        slopes[n_layers] = (
            decay_per_qubit(n_qubits, [one.mean for one in same]),
            decay_per_qubit(n_qubits, [one.largest for one in same]),
        )
    return slopes


def _show(found: list[GradientVariance]) -> None:
    from qmoe_qiskit.cli.output.tables import open_table

    table = open_table(
        "layers", numbers=("qubits", "mean\nvariance", "largest\nvariance of a weight")
    )
    for one in found:
        numbers = (f"{one.n_qubits}", f"{one.mean:.2e}", f"{one.largest:.2e}")
        table.add_row(str(one.n_layers), *numbers)
    screen = console()
    screen.print(table)
    for n_layers, slopes in _slopes(found).items():
        mean, largest = (None if slope is None else 2.0**slope for slope in slopes)
        if mean is None or largest is None:
            continue
        screen.print(
            f"{n_layers} layer{'s' * (n_layers != 1)}: per qubit the mean is multiplied by "
            f"{mean:.2f}, the largest by {largest:.2f} (0.50 on a barren plateau)."
        )


def _draw(found: list[GradientVariance], path: Path, *, title: str) -> None:
    from qmoe_qiskit.figures import figure_bytes, gradient_variance_figure

    variances: dict[int, dict[int, float]] = {}
    for one in found:
        variances.setdefault(one.n_layers, {})[one.n_qubits] = one.mean
    drawn = gradient_variance_figure(variances, title=title)
    write_file(path, figure_bytes(drawn, path.suffix.removeprefix(".")))
