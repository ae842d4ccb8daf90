"""The study of balance: do experts share the work, and does the routing hold under noise?

Expert imbalance is a motivation of arXiv:2512.22296, which does not measure it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.studies.training.checks import check_different
from qmoe_qiskit.studies.training.circuit_execution import CircuitExecution
from qmoe_qiskit.studies.training.train_task import SCALINGS


@dataclass(frozen=True, kw_only=True)
class Case:
    """One training of each seed."""

    router: str
    n_experts: int
    weight: float
    scaling: str


@dataclass(frozen=True, kw_only=True)
class BalanceSettings:
    """Settings of the study.

    Attributes:
        data: Built-in data set.
        n_samples: Rows, those held out included.
        test_fraction: Share of the rows held out.
        controls: Classical routers.
        n_experts: Numbers of experts.
        weights: Of the balance loss; the first is 0.
        scalings: Of the inputs. The balance loss is tried with the first.
        n_layers: Of the quantum router.
        epochs: Passes over the training rows.
        batch_size: Rows in a step.
        learning_rate: Adam's.
        device: Stored calibration that the trained quantum router is measured on.
        depolarizing: Probability of depolarizing noise that it is measured under.
        shots: Per row.
        dead: An expert with a smaller share of the rows is dead.
        flips: A routing is stable that gives fewer of the rows, as a share, another expert.
        balance_margin: A smaller difference of the load's entropy, as a share of log E, does not
            matter.
        margin: Nor does a smaller difference of accuracies.

    Raises:
        InputError: If a value is not accepted.
    """

    data: str = "moons"
    n_samples: int = 1000
    test_fraction: float = 0.5
    controls: tuple[str, ...] = ("linear", "mlp:16", "fourier")
    n_experts: tuple[int, ...] = (2, 4, 8)
    weights: tuple[float, ...] = (0.0, 0.01, 0.1)
    scalings: tuple[str, ...] = ("paper", "centred")
    n_layers: int = 3
    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 0.05
    device: str = "ibm_torino"
    depolarizing: float = 0.05
    shots: int = 1024
    dead: float = 0.01
    flips: float = 0.05
    balance_margin: float = 0.05
    margin: float = 0.01

    def __post_init__(self) -> None:
        for name in ("controls", "n_experts", "weights", "scalings"):
            values = getattr(self, name)
            if not values:
                raise InputError(f"{name} is empty: give one at least")
            check_different(name, values)
        for control in self.controls:
            if control.partition(":")[0] == "quantum":
                raise InputError(f"a control is a classical router, got {control!r}")
        for n_experts in self.n_experts:
            if require_positive("n_experts", n_experts) < 2:
                raise InputError("n_experts must be at least 2: one expert has all the rows")
        if self.weights[0] != 0 or not all(0 <= weight < math.inf for weight in self.weights):
            raise InputError(
                f"weights must be 0, which is no balance loss, and others above it, got "
                f"{self.weights}"
            )
        for scaling in self.scalings:
            if scaling not in SCALINGS:
                raise unknown_name("scaling", scaling, SCALINGS)
        for name in ("dead", "flips", "balance_margin", "margin"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name} must lie between 0 and 1, got {getattr(self, name)}")

    @property
    def routers(self) -> tuple[str, ...]:
        """All routers."""
        return ("quantum", *self.controls)

    @property
    def noise(self) -> dict[str, CircuitExecution]:
        """Where a quantum router is measured, by name."""
        device = f"noisy:{self.device}"
        return {
            self.device: CircuitExecution(backend=device),
            f"depolarizing, p = {self.depolarizing:g}": CircuitExecution(
                backend=f"noisy:depolarizing:{self.depolarizing!r}"
            ),
            f"{self.shots} shots": CircuitExecution(backend="noisy:ideal", shots=self.shots),
            f"{self.device}, {self.shots} shots": CircuitExecution(
                backend=device, shots=self.shots
            ),
        }

    @property
    def cases(self) -> list[Case]:
        """The trainings of a seed, in the order of their tasks."""
        return [
            Case(router=router, n_experts=n_experts, weight=weight, scaling=scaling)
            for scaling in self.scalings
            for n_experts in self.n_experts
            for router in self.routers
            for weight in (self.weights if scaling == self.scalings[0] else self.weights[:1])
        ]
