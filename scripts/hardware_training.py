"""How well does a model train on a device within a budget? Two Moons, several seeds.

    python scripts/hardware_training.py --device fake_torino --seeds 5

Every step is what `QMoEClassifier(hardware_training=...)` sends: the grid of the surrogate at all
sets of weights, each point in every slot. To be fast, a slot's values are exact under the noise of
its qubits, with binomial shot noise, in place of IBM's primitives on a fake. QPU seconds are
estimated as for the device. Held-out rows are evaluated under the exact noise of the best slot.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import warnings
from collections.abc import Sequence

import numpy as np
from torch import nn

from qmoe_qiskit.backends import BackendSpec, CompiledRouter, open_backend
from qmoe_qiskit.backends.protocols import Expectations
from qmoe_qiskit.backends.runtime.compiled_router import RuntimeRouter
from qmoe_qiskit.backends.slots.noisy import PackedNoisyRouter
from qmoe_qiskit.backends.surrogate import FourierSurrogate, SurrogatePlan
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.cli.options.common import slots_from
from qmoe_qiskit.data import Split, load_dataset, split_dataset
from qmoe_qiskit.errors import OutOfRangeWarning, QMoEError
from qmoe_qiskit.hardware.cost.estimate import CostEstimate
from qmoe_qiskit.train import FeatureMap, HardwareTraining, QMoEClassifier, model_state
from qmoe_qiskit.train import restore_model as restored
from qmoe_qiskit.train.loop.optimization import Optimization
from qmoe_qiskit.train.on_device.measuring import DeviceMeasurement, Measured
from qmoe_qiskit.train.on_device.steps import HardwareSteps
from qmoe_qiskit.train.on_device.values import ValuesLoss, quantum_router
from qmoe_qiskit.train.rows import TargetRows
from qmoe_qiskit.typing import FloatArray


class SimulatedMeasurement:
    """The measurements of a device: exact values in each slot, and binomial shot noise."""

    def __init__(
        self, device: DeviceMeasurement, slots: Sequence[CompiledRouter], seed: int
    ) -> None:
        self.plan, self._device, self._slots, self._seed = device.plan, device, slots, seed
        self._shots = device.compiled.backend.shots

    def estimate(self, n_sets: int) -> CostEstimate:
        """Return what the device would charge."""
        return self._device.estimate(n_sets)

    def is_sent(self, weights_VW: FloatArray) -> bool:  # noqa: ARG002
        """Nothing is sent."""
        return False

    def measure(self, weights_VW: FloatArray, step: int) -> Measured:
        """Draw the values of a step."""
        rng = np.random.default_rng([self._seed, step])
        inputs_PF = self.plan.inputs_BF
        n_slots = len(self._slots)
        in_slot = -(-self._shots // n_slots)
        surrogates = []
        for weights_W in weights_VW:
            exact_KPO = np.stack([s.expectations(inputs_PF, weights_W).values for s in self._slots])
            ones_KPO = rng.binomial(in_slot, np.clip((1 + exact_KPO) / 2, 0, 1))
            means_KPO = 2 * ones_KPO / in_slot - 1
            variances_KPO = (1 - means_KPO**2) / in_slot
            found = Expectations(
                values=means_KPO.mean(axis=0),
                std_errors=np.sqrt(variances_KPO.sum(axis=0)) / n_slots,
                shots=in_slot * n_slots,
            )
            surrogates.append(FourierSurrogate.from_values(self.plan, found, weights_W))
        seconds = self.estimate(len(weights_VW)).seconds
        return Measured(surrogates=tuple(surrogates), seconds=seconds)


@dataclasses.dataclass(frozen=True)
class Compiled:
    """An open backend that has compiled its only circuit already."""

    name: str
    router: CompiledRouter

    def compile(self, _: RouterCircuit) -> CompiledRouter:
        """Return the compiled router."""
        return self.router


def main() -> None:
    """Read the arguments, train, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="fake_torino")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shots", type=int, default=400)
    parser.add_argument("--slots", default="9", help="by default one per point of the grid")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", OutOfRangeWarning)
    cases: list[tuple[str, bool, HardwareTraining]] = [
        ("random weights", False, HardwareTraining(budget_s=120)),
        ("simulator's weights", True, HardwareTraining(budget_s=60, circuit_rate=0.02)),
        ("simulator's weights", True, HardwareTraining(method="refit", budget_s=60)),
        ("random weights", False, HardwareTraining(method="refit", budget_s=60)),
        ("random weights", False, HardwareTraining(method="spsa", budget_s=120)),
        ("random weights", False, HardwareTraining(budget_s=600)),
        ("random weights", False, HardwareTraining(method="spsa", budget_s=600)),
    ]
    for start, from_trained, settings in cases:
        scores = [
            _scores(arguments, seed, from_trained, settings) for seed in range(arguments.seeds)
        ]
        before_N, after_N, seconds_N, steps_N = np.array(scores).T
        print(
            f"{start}, {settings.method}, budget {settings.budget_s:g} s: median held-out "
            f"{np.median(before_N):.3f} before, {np.median(after_N):.3f} after "
            f"({' '.join(f'{one:.3f}' for one in after_N)}); {np.median(steps_N):g} steps, "
            f"{np.median(seconds_N):.1f} s of QPU time",
            flush=True,
        )


def _scores(
    arguments: argparse.Namespace, seed: int, from_trained: bool, settings: HardwareTraining
) -> tuple[float, float, float, float]:
    """Return held-out accuracy before and after, QPU seconds and steps."""
    split = split_dataset(load_dataset("moons", seed=seed), test_fraction=0.25, seed=seed)
    model = _begun(split, seed, from_trained)
    router = quantum_router(model.module_).circuit
    device, slots = _device(arguments, router)
    before = _accuracy(model, split, slots[0])
    features_NF, labels_N, _ = TargetRows(
        features_NF=split.train.features_NF, targets_N=split.train.labels_N
    ).tensors(model)
    loss = ValuesLoss(
        module=model.module_,
        features_NF=features_NF,
        labels_N=labels_N,
        weights_N=None,
        criterion=nn.CrossEntropyLoss(),
    )
    steps = HardwareSteps(
        loss,
        validation=None,
        settings=settings,
        measurement=SimulatedMeasurement(device, slots, seed),
        optimization=Optimization(learning_rate=model.learning_rate, further={}),
        seed=seed,
        history=[],
        best={},
        patience=10,
    )
    steps.run(lambda _: None)
    steps.load_best()
    after = _accuracy(model, split, slots[0])
    return before, after, steps.report.seconds, steps.report.steps


def _begun(split: Split, seed: int, from_trained: bool) -> QMoEClassifier:
    model = QMoEClassifier(random_state=seed, verbose=False)
    if from_trained:
        return model.fit(split.train.features_NF, split.train.labels_N)
    model.classes_ = np.unique(split.train.labels_N)
    model.n_features_in_ = 2
    model.feature_map_ = FeatureMap.fit(
        split.train.features_NF, n_router_inputs=2, feature_range=model.feature_range
    )
    model.rebuild(model.draw_seed())
    model.history_ = []
    return model


_OPENED: dict[str, tuple[DeviceMeasurement, tuple[CompiledRouter, ...]]] = {}


def _device(
    arguments: argparse.Namespace, router: RouterCircuit
) -> tuple[DeviceMeasurement, tuple[CompiledRouter, ...]]:
    """Return the measurement whose cost is estimated, and the router in each of its slots."""
    name, count = arguments.device, slots_from(arguments.slots)
    if name not in _OPENED:
        options = {"resilience_level": 0}
        runtime = open_backend(
            f"runtime:{name}", slots=count, shots=arguments.shots, seed=0, options=options
        ).compile(router)
        packed = open_backend(f"noisy:{name}", slots=count, seed=0).compile(router)
        assert isinstance(runtime, RuntimeRouter)
        assert isinstance(packed, PackedNoisyRouter)
        plan = SurrogatePlan.make(router, checks=0)
        slots = tuple(
            open_backend(f"noisy:{name}", seed=0, qubits=slot.circuit.active).compile(router)
            for slot in packed.slots
        )
        _OPENED[name] = DeviceMeasurement(runtime, plan, seed=0), slots
    return _OPENED[name]


def _accuracy(model: QMoEClassifier, split: Split, slot: CompiledRouter) -> float:
    where = BackendSpec(backend=Compiled("noisy:compiled", slot))
    score = restored(model_state(model), where).score(split.test.features_NF, split.test.labels_N)
    return float(score)


if __name__ == "__main__":
    try:
        main()
    except QMoEError as error:
        sys.exit(f"error: {error}")
