"""Measure what the project promises about speed, beside its peers, in one process.

    python scripts/benchmark.py                  # a table
    python scripts/benchmark.py --json           # the same for machines
    python scripts/benchmark.py --markdown       # the same for the documentation
    python scripts/benchmark.py --only startup   # a part of it

Everything runs on one thread. Times are medians; whatever is compared is measured in turns, so that
a change of the machine's speed meets both. PennyLane is measured where it is installed (extra
`bench`); `--slow` adds the stock EstimatorQNN, AerSimulator.from_backend on a large device, and a
whole study. The parts are in `benchmarks/`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import torch
from benchmarks.circuits import measure_circuits
from benchmarks.engine import measure_engine
from benchmarks.experts import measure_experts
from benchmarks.hardware import measure_hardware
from benchmarks.layer import measure_layer
from benchmarks.measuring import Row
from benchmarks.noise import measure_noise
from benchmarks.startup import measure_startup
from benchmarks.studies import measure_noise_study
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits


def parts(*, slow: bool) -> dict[str, Callable[[], list[Row]]]:
    """Return what measures each part of the table, by its name."""
    return {
        "engine": partial(measure_engine, slow=slow),
        "circuits": measure_circuits,
        "startup": measure_startup,
        "noise": partial(measure_noise, slow=slow),
        "hardware": measure_hardware,
        "experts": measure_experts,
        "layer": measure_layer,
        "studies": partial(measure_noise_study, slow=slow),
    }


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def _cells(row: Row) -> list[str]:
    peers = ", ".join(f"{name} {_figure(value)}" for name, value in row.peers.items())
    met = {True: "yes", False: "NO", None: ""}[row.met]
    return [row.what, f"{_figure(row.ours)} {row.unit}".strip(), peers, row.goal, met]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--markdown", action="store_true", help="a Markdown table on stdout")
    parser.add_argument("--slow", action="store_true", help="add what takes minutes")
    parser.add_argument("--only", choices=parts(slow=False), nargs="+", help="measure these parts")
    options = parser.parse_args()
    wanted = parts(slow=options.slow)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        rows = [row for name in options.only or wanted for row in wanted[name]()]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    heads = ["what", "ours", "peers", "goal", "met"]
    if options.json:
        print(json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=2))
    elif options.markdown:
        print("| " + " | ".join(heads) + " |\n" + "| --- " * len(heads) + "|")
        for row in rows:
            print("| " + " | ".join(_cells(row)) + " |")
    else:
        table = Table(*heads, title=f"qmoe-qiskit on {machine}, one thread, medians")
        for row in rows:
            table.add_row(*_cells(row))
        Console().print(table)


if __name__ == "__main__":
    main()
