"""A program as an object: copied, pickled, shared by threads, and large."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.simulation import StatevectorProgram, engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.typing import FloatArray

    Gradients = tuple[FloatArray, FloatArray, FloatArray]


def gradients(program: StatevectorProgram, inputs_BF: FloatArray) -> Gradients:
    """Values and both gradients at weights 0, 0.1, 0.2, ..."""
    n_weights = program.jacobian(inputs_BF[:1], np.zeros(5))[1].shape[-1]
    weights_W = 0.1 * np.arange(n_weights)
    values, tape = program.vjp(inputs_BF, weights_W)
    d_inputs, d_weights = program.pullback(tape, np.cos(values))
    assert d_inputs is not None
    return values, d_inputs, d_weights


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda program: pickle.loads(pickle.dumps(program))],  # noqa: S301
    ids=["deepcopy", "pickle"],
)
def test_copies_compute_the_same(
    copied: Callable[[StatevectorProgram], StatevectorProgram],
    every_path: RouterCircuit,
    rng: np.random.Generator,
) -> None:
    program = StatevectorProgram(every_path)
    inputs_BF = rng.uniform(-3, 3, (100, every_path.n_inputs))
    expected = gradients(program, inputs_BF)
    weights = torch.zeros(every_path.n_weights, dtype=torch.float64)
    on_torch = program.expectations(torch.tensor(inputs_BF), weights)
    again = copied(program)
    for actual, wanted in zip(gradients(again, inputs_BF), expected, strict=True):
        np.testing.assert_array_equal(actual, wanted)
    assert torch.equal(again.expectations(torch.tensor(inputs_BF), weights), on_torch)


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_threads_share_a_program(every_path: RouterCircuit, rng: np.random.Generator) -> None:
    program = StatevectorProgram(every_path)
    # Of two sizes from 64 kB on, where memory is used again, and one below.
    sizes = [100, 80, 100, 10] * 10
    batches = [rng.uniform(-3, 3, (size, every_path.n_inputs)) for size in sizes]
    expected = [gradients(StatevectorProgram(every_path), batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda batch: gradients(program, batch), batches))
    for actual, wanted in zip(results, expected, strict=True):
        for one, other in zip(actual, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-11)


def test_states_beyond_the_tapes_limit_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    router = angle_router(8, 4)
    inputs_BF, weights_W = np.ones((100, 8)), np.ones(router.n_weights)
    states = 16 * 2**8 * len(inputs_BF)

    def held(tape_bytes: int) -> int:
        """Memory that a tape keeps, in bytes."""
        monkeypatch.setattr(engine, "TAPE_BYTES", tape_bytes)
        program = StatevectorProgram(router)
        tracemalloc.start()
        tape = program.vjp(inputs_BF, weights_W)
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        del tape
        return size

    # Each layer leaves the states in front of a permutation and of the rotations on either block.
    assert held(1 << 30) > 8 * states
    # Those that the memory pool has at hand for the next call.
    assert held(0) < 5 * states


LARGE = """
import resource
import numpy as np
from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router

router = angle_router(16, 3)
compiled = open_backend("statevector").compile(router)
inputs_BF = np.linspace(-3, 3, 8 * 16).reshape(8, 16)
weights_W = np.linspace(-3, 3, router.n_weights)
values, pullback = compiled.vjp(inputs_BF, weights_W)
d_inputs, d_weights = pullback(np.ones_like(values))

step, at = 1e-4, 40
ahead, behind = weights_W.copy(), weights_W.copy()
ahead[at] += step
behind[at] -= step
top, bottom = (compiled.expectations(inputs_BF, w).values.sum() for w in (ahead, behind))
assert abs((top - bottom) / (2 * step) - d_weights[at]) < 1e-6
assert d_inputs.shape == (8, 16)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.process
def test_sixteen_qubits_train_within_4_gb() -> None:
    command = [sys.executable, "-W", "error", "-c", LARGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 4e9


def test_probability_is_kept_on_a_wide_register(rng: np.random.Generator) -> None:
    router = angle_router(10, 2)
    program = StatevectorProgram(router)
    inputs_BF = rng.uniform(-3, 3, (2, 10))
    values = program.expectations(inputs_BF, rng.uniform(-3, 3, router.n_weights))
    assert np.abs(values).max() <= 1 + 1e-12
