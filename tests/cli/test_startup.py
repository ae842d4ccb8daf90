"""What is imported when: a command waits for no library that it does not use."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

# Each takes between a third of a second and two seconds.
NEVER = ("matplotlib", "qiskit_ibm_runtime", "skorch", "sympy", "torch._dynamo")
STEPS = """
import json, sys

def loaded():
    return [name for name in {never!r} if name in sys.modules]

from qmoe_qiskit import QMoEClassifier
found = {{"import": [*loaded(), *({{"qiskit_aer", "pydantic"}} & set(sys.modules))]}}

import numpy as np
from qmoe_qiskit import angle_router, open_backend
compiled = open_backend("noisy:ibmq_manila").compile(angle_router(2, 1))
compiled.expectations(np.zeros((3, 2)), np.zeros(6))
found["noisy"] = loaded()

from qmoe_qiskit.cli import main
sys.argv = ["qmoe", "evaluate", {run!r}]
try:
    main()
except SystemExit as end:
    found["exit"] = end.code
found["evaluate"] = loaded()

import qmoe_qiskit.runs.training
found["training"] = sorted({{"matplotlib", "qiskit_ibm_runtime"}} & set(sys.modules))
print(json.dumps(found))
"""


def test_nothing_is_imported_that_is_not_used(run: Path) -> None:
    code = STEPS.format(never=NEVER, run=str(run))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert not found.pop("exit", 0)
    assert found == {"import": [], "noisy": [], "evaluate": [], "training": []}
    assert "accuracy" in done.stdout
