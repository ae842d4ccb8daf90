"""Steps against exact values: gradients, the choice of the best model, the budget, resuming."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.protocols import Expectations
from qmoe_qiskit.backends.surrogate import FourierSurrogate, SurrogatePlan
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.hardware.cost.estimate import CostEstimate, JobEstimate
from qmoe_qiskit.moe import MixtureOfExperts, QuantumRouter, linear_experts
from qmoe_qiskit.train import HardwareTraining
from qmoe_qiskit.train.loop.optimization import Optimization
from qmoe_qiskit.train.on_device import spsa
from qmoe_qiskit.train.on_device.measuring import Measured
from qmoe_qiskit.train.on_device.steps import HardwareSteps
from qmoe_qiskit.train.on_device.values import ValuesLoss
from qmoe_qiskit.typing import FloatArray

STEP_S = 2.5


class Exact:
    """Exact values of a circuit, at the cost of a device."""

    def __init__(self, router: Any) -> None:
        self.plan = SurrogatePlan.make(router, checks=0)
        self.compiled = open_backend("statevector").compile(router)
        self.measured: list[FloatArray] = []

    def estimate(self, n_sets: int) -> CostEstimate:
        job = JobEstimate(
            start=0, stop=n_sets, circuits=n_sets, shots=1, executions=n_sets, seconds=STEP_S
        )
        return CostEstimate(formula="by hand", assumptions=(), jobs=(job,))

    def is_sent(self, weights_VW: FloatArray) -> bool:  # noqa: ARG002
        return False

    def measure(self, weights_VW: FloatArray, step: int) -> Measured:  # noqa: ARG002
        self.measured.append(weights_VW)
        found = [self.compiled.expectations(self.plan.inputs_BF, w_W) for w_W in weights_VW]
        surrogates = tuple(
            FourierSurrogate.from_values(self.plan, one, w_W)
            for one, w_W in zip(found, weights_VW, strict=True)
        )
        return Measured(surrogates=surrogates, seconds=STEP_S)


@pytest.fixture
def loss(rng: np.random.Generator, seed: int) -> ValuesLoss:
    generator = torch.Generator().manual_seed(seed)
    router = QuantumRouter(angle_router(2, 1), 2, generator=generator)
    module = MixtureOfExperts(router, linear_experts(2, 2, 2, generator=generator)).double()
    return ValuesLoss(
        module=module,
        features_NF=torch.from_numpy(rng.uniform(0, 3, (30, 2))),
        labels_N=torch.from_numpy(rng.integers(2, size=30)),
        weights_N=None,
        criterion=torch.nn.CrossEntropyLoss(),
    )


def steps_of(loss: ValuesLoss, measurement: Exact, **settings: Any) -> HardwareSteps:
    return HardwareSteps(
        loss,
        validation=None,
        settings=HardwareTraining(
            **({"method": "spsa", "classical_steps": 5, "resamplings": 1} | settings)
        ),
        measurement=measurement,
        optimization=Optimization(learning_rate=0.05, further={}),
        seed=1,
        history=[],
        best={},
        patience=5,
    )


def exact_loss(loss: ValuesLoss) -> torch.Tensor:
    """What torch and the statevector backend make of the same module."""
    return loss.criterion(loss.module(loss.features_NF), loss.labels_N)


def surrogate_at(measurement: Exact, weights_W: FloatArray) -> FourierSurrogate:
    return measurement.measure(weights_W[None], 0).surrogates[0]


def test_the_loss_and_its_slopes_are_those_of_the_module(loss: ValuesLoss) -> None:
    connector = loss.module.router.connector
    measurement = Exact(connector.compiled.router)
    surrogate = surrogate_at(measurement, connector.weight.detach().numpy())
    assert loss.number(surrogate) == pytest.approx(exact_loss(loss).item(), abs=1e-12)
    slopes_PO = loss.slopes(surrogate)
    step = 1e-6
    for place in ((0, 0), (4, 1)):
        ends = []
        for sign in (1, -1):
            values_PO = surrogate.values_PO.copy()
            values_PO[place] += sign * step
            errors = np.zeros_like(values_PO)
            moved = Expectations(values=values_PO, std_errors=errors)
            ends.append(
                loss.number(
                    FourierSurrogate.from_values(measurement.plan, moved, surrogate.weights_W)
                )
            )
        assert slopes_PO[place] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


def test_the_loss_of_log_probabilities_is_the_cross_entropy(loss: ValuesLoss) -> None:
    """As in a simulated training, NLLLoss gets the logarithmic softmax of the logits."""
    connector = loss.module.router.connector
    surrogate = surrogate_at(
        Exact(connector.compiled.router), connector.weight.detach().numpy().copy()
    )
    of_logs = replace(loss, criterion=torch.nn.NLLLoss())
    assert of_logs.number(surrogate) == pytest.approx(exact_loss(loss).item(), abs=1e-12)


def test_sampled_routing_is_trained_for_one_drawn_expert(
    rng: np.random.Generator, seed: int
) -> None:
    """The loss is -log sum_e P(e|x) p_e(y|x), by NumPy, row by row."""
    generator = torch.Generator().manual_seed(seed)
    router = QuantumRouter(
        angle_router(2, 1), 2, readout="probabilities", routing="sampled", generator=generator
    )
    experts = linear_experts(2, 2, 3, generator=generator)
    features_NF, labels_N = rng.uniform(0, 3, (30, 2)), rng.integers(3, size=30)
    loss = ValuesLoss(
        module=MixtureOfExperts(router, experts, routing="sampled").double(),
        features_NF=torch.from_numpy(features_NF),
        labels_N=torch.from_numpy(labels_N),
        weights_N=None,
        criterion=torch.nn.CrossEntropyLoss(),
    )
    measurement = Exact(router.connector.compiled.router)
    weights_W = router.connector.weight.detach().numpy().copy()
    likelihoods = []
    for x_F, label in zip(features_NF, labels_N, strict=True):
        (chosen_E,) = measurement.compiled.expectations(x_F[None], weights_W).values
        likelihood = 0.0
        for probability, expert in zip(chosen_E, experts, strict=True):
            weight_CF, bias_C = (p.detach().numpy() for p in (expert.weight, expert.bias))
            scores_C = np.exp(weight_CF @ x_F + bias_C)
            likelihood += probability * scores_C[label] / scores_C.sum()
        likelihoods.append(likelihood)
    found = loss.number(surrogate_at(measurement, weights_W))
    assert found == pytest.approx(-np.log(likelihoods).mean(), abs=1e-12)


def test_shifts_give_the_gradient_that_torch_has(loss: ValuesLoss) -> None:
    """The first step of SGD on the circuit is the exact gradient times the rate."""
    connector = loss.module.router.connector
    measurement = Exact(connector.compiled.router)
    steps = HardwareSteps(
        loss,
        validation=None,
        settings=HardwareTraining(
            method="parameter-shift", max_steps=1, classical_steps=1, circuit_rate=1.0
        ),
        measurement=measurement,
        optimization=Optimization(optimizer="SGD", learning_rate=1e-12, further={}),
        seed=1,
        history=[],
        best={},
        patience=5,
    )
    before_W = connector.weight.detach().clone()
    (wanted_W,) = torch.autograd.grad(exact_loss(loss), connector.weight)
    steps.run(lambda _: None)
    moved_W = before_W - connector.weight.detach()
    torch.testing.assert_close(moved_W, wanted_W, atol=1e-9, rtol=0)


def test_spsa_estimates_the_gradient(loss: ValuesLoss) -> None:
    """The mean over all directions is the gradient, up to the square of the step."""
    connector = loss.module.router.connector
    measurement = Exact(connector.compiled.router)
    weights_W = connector.weight.detach().numpy().copy()
    (wanted_W,) = torch.autograd.grad(exact_loss(loss), connector.weight)
    n_weights, size = len(weights_W), 1e-4
    signs_DW = np.array(
        [[1 - 2 * (k >> w & 1) for w in range(n_weights)] for k in range(2**n_weights)], dtype=float
    )
    slopes_D = np.array(
        [
            (
                loss.number(surrogate_at(measurement, weights_W + size * signs_W))
                - loss.number(surrogate_at(measurement, weights_W - size * signs_W))
            )
            / (2 * size)
            for signs_W in signs_DW
        ]
    )
    np.testing.assert_allclose(spsa.gradient(slopes_D, signs_DW), wanted_W.numpy(), atol=1e-6)


def test_the_first_move_is_calibrated(loss: ValuesLoss) -> None:
    connector = loss.module.router.connector
    measurement = Exact(connector.compiled.router)
    before_W = connector.weight.detach().numpy().copy()
    steps = steps_of(loss, measurement, max_steps=1, first_move=0.1)
    steps.run(lambda _: None)
    (sets_VW,) = measurement.measured
    assert len(sets_VW) == 1 + 2 * spsa.CALIBRATING_DIRECTIONS
    np.testing.assert_array_equal(sets_VW[0], before_W)
    np.testing.assert_allclose(sets_VW[1::2] + sets_VW[2::2], 2 * np.tile(before_W, (5, 1)))
    np.testing.assert_allclose(np.abs(sets_VW[1:] - before_W), 0.2)
    gain = steps.history[0]["gain"]
    assert spsa.gain_at(0, gain) / gain == pytest.approx(11**-0.602)
    moved_W = np.abs(connector.weight.detach().numpy() - before_W)
    # The mean over directions moves no weight further than the calibrated move.
    assert 0 < moved_W.max() <= 0.1 + 1e-9


def test_the_model_of_the_smallest_loss_is_kept(loss: ValuesLoss) -> None:
    measurement = Exact(loss.module.router.connector.compiled.router)
    steps = steps_of(loss, measurement, max_steps=12, first_move=1.5)
    steps.run(lambda _: None)
    losses = [entry["train_loss"] for entry in steps.history]
    best = int(np.argmin(losses))
    assert best < 11  # moves this large also raise the loss
    np.testing.assert_array_equal(
        steps.best["module.router.connector.weight"].numpy(), measurement.measured[best][0]
    )
    assert steps.report.best_step == best + 1


def test_blocking_returns_to_the_best_model(loss: ValuesLoss) -> None:
    measurement = Exact(loss.module.router.connector.compiled.router)
    steps = steps_of(loss, measurement, max_steps=12, first_move=1.5, blocking=True)
    steps.run(lambda _: None)
    losses = np.array([entry["train_loss"] for entry in steps.history])
    centres = [sets_VW[0] for sets_VW in measurement.measured]
    returned = 0
    for step in range(1, 11):
        best = int(np.argmin(losses[:step]))
        if losses[step] > losses[best]:
            np.testing.assert_array_equal(centres[step + 1], centres[best])
            returned += 1
    assert returned


def test_refitting_measures_once_and_leaves_the_circuit(loss: ValuesLoss) -> None:
    connector = loss.module.router.connector
    before_W, begun = connector.weight.detach().clone(), exact_loss(loss).item()
    measurement = Exact(connector.compiled.router)
    steps = steps_of(loss, measurement, method="refit", max_steps=40)
    steps.run(lambda _: None)
    assert [len(sets_VW) for sets_VW in measurement.measured] == [1]
    assert torch.equal(connector.weight, before_W)
    assert steps.history[0]["train_loss"] < begun
    assert exact_loss(loss).item() == pytest.approx(steps.history[0]["train_loss"], abs=1e-12)


def test_it_ends_before_the_step_that_could_exceed_the_budget(loss: ValuesLoss) -> None:
    """A step takes 2.5 s, and its job may take 3 whole seconds: 10.4 s are enough for three."""
    measurement = Exact(loss.module.router.connector.compiled.router)
    steps = steps_of(loss, measurement, budget_s=10.4)
    steps.run(lambda _: None)
    assert len(measurement.measured) == 3
    report = steps.report
    assert (report.seconds, report.ended_by) == (7.5, "budget")
    assert str(report).startswith("3 steps, 7.5 of 10.4 s of QPU time: the next step could")
