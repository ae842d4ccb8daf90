"""The command line that trains a run again, which the run's manifest records."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from typing import TYPE_CHECKING

from qmoe_qiskit.runs.relative_paths import path_below, with_circuit, with_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from qmoe_qiskit.runs.request import TrainingRequest


def option_of(name: str) -> str:
    """Return the option of `qmoe train` that sets a field of a request.

    >>> option_of("n_layers"), option_of("balance_weight"), option_of("balance")
    ('--layers', '--balance', '--balance-loss')
    """
    if name == "balance":  # "--balance" is its weight since the first version
        return "--balance-loss"
    stem = name.removeprefix("n_").removeprefix("max_").removesuffix("_weight")
    return "--" + stem.replace("_", "-")


def joined(values: Iterable[object]) -> str:
    """Return values as an option takes them; one with a comma stands in quotes, as in CSV.

    >>> joined([65, 66]), joined(["length", "width, cm"])
    ('65,66', 'length,"width, cm"')
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()


def training_command(request: TrainingRequest, out: Path) -> list[str]:
    """Return the command line that trains a request, started in the current folder."""
    words = ["qmoe", "train"]
    for field in fields(request):
        name, value = field.name, getattr(request, field.name)
        if (name == "data" and request.is_file) or (name == "init" and value is not None):
            value = path_below(value)
        if name == "backend":
            value = with_file(value, path_below)
        if name in {"device_qubits", "features", "drop"} and value is not None:
            value = joined(value)
        if name == "router":
            value = with_circuit(value, path_below)
        if name == "control":
            for control in request.controls or ("none",):
                words += [option_of(name), with_circuit(control, path_below)]
        elif value is True:
            words.append(option_of(name))
        elif value is not None and value is not False:
            words += [option_of(name), str(value)]
    return [*words, "--out", path_below(out)]
