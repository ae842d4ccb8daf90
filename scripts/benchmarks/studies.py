"""The studies' part of benchmark.py."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.measuring import Row, in_turns, moons_batch, training_step
from qmoe_qiskit.studies.engine.processes import processes
from qmoe_qiskit.studies.engine.runner import run_tasks
from qmoe_qiskit.studies.noise.study import STUDY as NOISE
from qmoe_qiskit.studies.noise.tasks import ShotsTask
from qmoe_qiskit.studies.training.train_task import TrainTask

# Steps of default.mixed that are timed; a whole training would take a minute.
_STEPS = 12


class MixedRouter(nn.Module):
    """The paper's router on PennyLane's density matrices, batches at once."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        import pennylane as qml

        wires = range(2)

        @qml.qnode(qml.device("default.mixed", wires=2), interface="torch", diff_method="backprop")  # type: ignore[untyped-decorator]
        def circuit(inputs: Tensor, weights: Tensor) -> list[object]:
            qml.AngleEmbedding(inputs, wires)
            for wire in wires:
                qml.DepolarizingChannel(probability, wires=wire)
            qml.StronglyEntanglingLayers(weights, wires)
            for wire in wires:
                qml.DepolarizingChannel(probability, wires=wire)
            return [qml.expval(qml.PauliZ(wire)) for wire in wires]

        self.n_experts = 2
        self.circuit = circuit
        self.weights = nn.Parameter(torch.rand(3, 2, 3, dtype=torch.float64))
        self.adapter = nn.Linear(2, 2, dtype=torch.float64)

    def forward(self, inputs_BF: Tensor) -> Tensor:
        """Return routing weights, (B, E)."""
        values_BO = torch.stack(tuple(self.circuit(inputs_BF, self.weights)), dim=-1)
        return torch.softmax(self.adapter(values_BO), dim=-1)


def measure_noise_study(*, slow: bool = False) -> list[Row]:
    """Time the paper's noise sweep.

    Args:
        slow: Also run the whole quick study on two processes.
    """
    tasks = [task for task in NOISE.tasks(NOISE.quick, [1]) if isinstance(task, ShotsTask)]
    for task in (tasks[0], tasks[-1]):
        task.run()  # brings in what a process loads once
    start = time.perf_counter()
    for task in tasks:
        task.run()
    ours = time.perf_counter() - start
    peers = {}
    if find_spec("pennylane"):
        step = in_turns(
            {"": training_step(MixedRouter(0.05), *moons_batch())}, rounds=3, block=_STEPS // 3
        )[""]
        peers["default.mixed, its training steps alone"] = 1e-3 * step * _steps(tasks)
    rows = [
        Row(
            what=f"the paper's noise sweep, one seed: {len(tasks)} levels x "
            f"{tasks[0].epochs} epochs, with evaluation (default.mixed: {_STEPS} of "
            f"{_steps(tasks)} steps timed)",
            ours=ours,
            unit="s",
            peers=peers,
            goal="at most 1/6 of default.mixed",
            met=ours <= min(peers.values()) / 6 if peers else None,
        )
    ]
    return [*rows, _quick_study(), _speed_up()] if slow else rows


def _steps(tasks: list[ShotsTask]) -> int:
    """Return the number of training steps of all tasks."""
    return sum(task.epochs * -(-_rows(task) // task.batch_size) for task in tasks)


def _rows(task: TrainTask) -> int:
    return task.n_samples - round(task.test_fraction * task.n_samples)


def _quick_study() -> Row:
    seeds = range(20)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        results = run_tasks(NOISE.tasks(NOISE.quick, seeds), Path(folder), partial(processes, 2))
        NOISE.summarize(NOISE.quick, seeds, results)
        seconds = time.perf_counter() - start
    return Row(
        what=f"study noise --quick, {len(seeds)} seeds, 2 processes",
        ours=seconds,
        unit="s",
        peers={},
        goal="under 120",
        met=seconds < 120,
    )


def _speed_up() -> Row:
    """Time the same tasks on one process and on two; starting the processes is included."""
    tasks = [t for t in NOISE.tasks(NOISE.quick, range(8)) if isinstance(t, ShotsTask)]
    seconds = []
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            run_tasks(tasks, Path(folder), partial(processes, workers))
            seconds.append(time.perf_counter() - start)
    ratio = seconds[0] / seconds[1]
    return Row(
        what=f"a study of {len(tasks)} tasks: 1 process over 2 processes",
        ours=ratio,
        unit="x",
        peers={},
        goal="at least 1.7",
        met=ratio >= 1.7,
    )
