"""Several runs side by side: the settings in which they differ, and their metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qmoe_qiskit.cli.output.documents import console
from qmoe_qiskit.cli.output.tables import metric_cells, open_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmoe_qiskit import runs


def settings_that_differ(opened: Sequence[runs.OpenedRun]) -> dict[str, list[Any]]:
    """Return the values of each setting that is not the same in all runs, in their order."""
    settings = [_settings(run) for run in opened]
    names = dict.fromkeys(name for values in settings for name in values)
    columns = {name: [values.get(name) for values in settings] for name in names}
    return {
        name: values
        for name, values in columns.items()
        if any(value != values[0] for value in values)
    }


def side_by_side(opened: Sequence[runs.OpenedRun]) -> None:
    """Print the settings in which runs differ, and their metrics with intervals."""
    screen = console()
    names = [str(run.path) for run in opened]
    differing = settings_that_differ(opened)
    if differing:
        table = open_table("setting", *names)
        for name, values in differing.items():
            table.add_row(name, *map(_shown, values))
        screen.print("Settings that differ:")
        screen.print(table)
    else:
        screen.print("The runs have the same settings.")
    if "data_content" in differing:
        screen.print("The runs have different data: their metrics are from different rows.\n")
    elif {"test_fraction", "seed"} & differing.keys():
        screen.print("The runs have different splits: their metrics are from different rows.\n")
    else:
        held_out = all(run.manifest.data.split is not None for run in opened)
        rows = "held-out rows" if held_out else "rows"
        screen.print(f"On the same {rows}, with 95 % intervals:")
    table = open_table("metric", numbers=names)
    cells = [metric_cells(run.metrics) for run in opened]
    for label in dict.fromkeys(label for column in cells for label in column):
        table.add_row(label, *(column.get(label, "") for column in cells))
    screen.print(table)


def _settings(run: runs.OpenedRun) -> dict[str, Any]:
    """Return all that was set, by the names of `TrainingRequest` where it has one."""
    data, split = run.manifest.data, run.manifest.data.split
    model = run.manifest.model
    return {
        "data": data.name,
        "data_content": data.content_hash[:12],
        "target": data.target,
        "features": ", ".join(data.feature_names),
        "n_samples": data.n_samples,
        "test_fraction": None if split is None else split.test_fraction,
        "seed": run.manifest.seed,
        "controls": ", ".join(control.router for control in run.controls()),
        **model["settings"],
        "router": run.router,
        "max_epochs": model.get("max_epochs"),
        "qmoe-qiskit": run.manifest.versions.get("qmoe-qiskit"),
    }


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
