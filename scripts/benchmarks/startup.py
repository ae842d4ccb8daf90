"""Measure what a command waits for before it works: CPU time of fresh processes, taken in turns.

Every figure is the CPU time (user and system) of a whole process over that of one that only imports
torch, sklearn.base and qiskit: a ratio within one run, so that other work on the machine, and the
machine's speed, drop out. Everything runs on one thread.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measuring import Row

_BASE = "import torch, sklearn.base, qiskit"
_NOISY = """
import time
import numpy as np
from qmoe_qiskit import QMoEClassifier
from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
x, w = np.random.default_rng(0).uniform(0, 3, (1000, 2)), np.zeros(18)
start = time.process_time()
open_backend("noisy:ibm_torino").compile(angle_router(2, 3)).expectations(x, w)
print(time.process_time() - start)
"""


def _cpu_seconds(command: list[str]) -> tuple[float, str]:
    """Return the CPU seconds of a process with its children, and its output."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime, output


def measure_help() -> Row:
    """Time `qmoe --help` as a process."""
    command = [str(Path(sys.executable).with_name("qmoe")), "--help"]
    times = []
    for _ in range(6):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    seconds = float(np.median(times[1:]))
    return Row(
        what="`qmoe --help`",
        ours=seconds,
        unit="s",
        peers={},
        goal="at most 0.5",
        met=seconds <= 0.5,
    )


def measure_startup(rounds: int = 5) -> list[Row]:
    """Time the import, `qmoe evaluate`, `qmoe demo` and the first noisy evaluation."""
    qmoe = str(Path(sys.executable).with_name("qmoe"))
    with tempfile.TemporaryDirectory() as folder:
        run = str(Path(folder) / "demo")
        demo = [qmoe, "demo", "--out", run, "--force"]
        commands = {
            "base": [sys.executable, "-c", _BASE],
            "from qmoe_qiskit import QMoEClassifier": [
                sys.executable,
                "-c",
                "from qmoe_qiskit import QMoEClassifier",
            ],
            "qmoe evaluate RUN, to its table": [qmoe, "evaluate", run],
            "qmoe demo": demo,
        }
        _cpu_seconds(demo)  # the run that is evaluated; files of code are cached
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        noisy = []
        for _ in range(rounds):
            for name, command in commands.items():
                seconds[name].append(_cpu_seconds(command)[0])
            noisy.append(float(_cpu_seconds([sys.executable, "-c", _NOISY])[1]))
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    base = medians.pop("base")
    rows = [measure_help()]
    rows += [
        Row(
            what=f"{name}, over import of torch, sklearn.base and qiskit",
            ours=value / base,
            unit="x",
            peers={"those imports (s)": base},
            goal=f"at most {goal}",
            met=value / base <= goal,
        )
        for (name, value), goal in zip(medians.items(), (1.15, 1.3, 1.5), strict=True)
    ]
    first = float(np.median(noisy))
    rows.append(
        Row(
            what="first noisy evaluation of 1000 rows, fresh process, imports of torch and of "
            "this package apart",
            ours=first,
            unit="s",
            peers={"those imports (s)": base},
            goal="at most 0.8",
            met=first <= 0.8,
        )
    )
    return rows
