"""What every test shares: its own seed, one thread, no window, and the same examples each time."""

from __future__ import annotations

import os
import signal
import sys
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Set before the libraries that read them are imported; programs started by tests inherit them.
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A suite that a shell runs in the background is deaf to Ctrl-C, and what it starts would be too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# "ci" draws the same examples everywhere and always. To look for new ones:
# make test ARGS="--hypothesis-profile=explore"
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],  # it goes by the clock: a busy machine fails it
)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile("ci")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A seed of the test's own, the same in every run: a function of its name and parameters."""
    return zlib.crc32(request.node.name.encode())


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """A generator of the test's own; inside `hypothesis.given`, draw a seed instead."""
    return np.random.default_rng(seed)


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    """Undo what a test before may have set; torch is not loaded for tests that do without it."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
