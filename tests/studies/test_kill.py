"""A study that is killed again and again: no result is lost, none is made twice."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from studies.small import Small, pids
from studies.small_run import tasks_of

from qmoe_qiskit.studies.results import load_result

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

KILLS = 20
TASKS = 200
SECONDS = 0.02


def test_killed_at_random_moments_it_loses_no_result_and_makes_none_twice(
    tmp_path: Path, rng: np.random.Generator, start: Callable[..., subprocess.Popen[str]]
) -> None:
    folder, log = tmp_path / "study", str(tmp_path / "log")
    arguments = (folder, "--log", log, "--tasks", TASKS, "--seconds", SECONDS)
    tasks = tasks_of(TASKS, seconds=SECONDS, log=log)

    def stored() -> dict[int, tuple[str, int]]:
        """By seed: the result's bits, and how often its task had run."""
        found = ((task.seed, load_result(task, folder)[0]) for task in tasks)
        return {seed: (repr(result), len(pids(log, seed))) for seed, result in found if result}

    before: dict[int, tuple[str, int]] = {}
    for _ in range(KILLS):
        program = start("studies.small_run", *arguments)
        # By progress, not by the clock alone: a busy machine kills at the same moments.
        n_more = rng.integers(0, 8)
        limit = time.monotonic() + 60
        while len(list(folder.glob("tasks/*.json"))) < len(before) + n_more:
            assert program.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 2 * SECONDS))
        os.killpg(program.pid, signal.SIGKILL)
        program.communicate()
        after = stored()
        assert {seed: after.get(seed) for seed in before} == before
        before = after
    assert 0 < len(before) < TASKS

    program = start("studies.small_run", *arguments)
    stdout, _ = program.communicate(timeout=120)
    assert program.returncode == 0
    after = stored()
    assert {seed: after[seed] for seed in before} == before
    undisturbed = [str(Small(seed=seed).run()) for seed in range(TASKS)]
    assert stdout.splitlines() == undisturbed
