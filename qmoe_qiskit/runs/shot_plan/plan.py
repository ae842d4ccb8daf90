"""The fewest shots that keep a model's decisions, and what they cost, for every way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

import numpy as np

from qmoe_qiskit import limits
from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.cost.estimate import CostEstimate, combine_estimates
from qmoe_qiskit.hardware.cost.executed_shots import executed_shots
from qmoe_qiskit.runs.on_hardware.prepare import estimate_on
from qmoe_qiskit.runs.shot_plan.flips import Decider, Decision, Flips, flips
from qmoe_qiskit.runs.shot_plan.places import require_exact
from qmoe_qiskit.runs.shot_plan.ways import WAYS, Candidate, WayName, Ways

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qmoe_qiskit.backends.slots.request import SlotRequest
    from qmoe_qiskit.hardware.options import RuntimeOptions
    from qmoe_qiskit.runs.on_hardware.prepare import Prepared

# Shots of a point, as many as a run may ask for.
_MOST_SHOTS = limits.SHOTS


@dataclass(frozen=True, kw_only=True)
class PlannedWay:
    """A way with the fewest shots within the tolerance, or the reason why there are none.

    Attributes:
        name: The way.
        shots: Shots per row, or per point of a surrogate; None if it is impossible.
        flips: Share of the rows whose decision differs from that with infinitely many shots on the
            qubits of the direct way; None if it is impossible.
        flips_without_shots: The same share with infinitely many shots of this way: what the spread
            between slots leaves; None if it is unknown.
        n_points: Number of points at which the circuit is measured, those that check a surrogate
            included.
        n_slots: Number of slots; 1 without packing.
        estimate: What it costs; None if it is impossible.
        reason: Why it is impossible; None if it is possible.
    """

    name: WayName
    shots: int | None = None
    flips: Flips | None = None
    flips_without_shots: float | None = None
    n_points: int | None = None
    n_slots: int | None = None
    estimate: CostEstimate | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ShotPlan:
    """The ways to get a model's decisions from a device, the cheapest first.

    Attributes:
        tolerance: The accepted share of changed decisions.
        decision: "class" or "routing".
        n_rows: Number of rows that are evaluated.
        n_counted: Number of rows on which changed decisions were counted.
        noise_flips: Share of these rows on which the noise alone changes the decision: infinitely
            many shots on the direct way's qubits against the circuit without noise.
        n_slots: Number of slots of the packed ways; None without any.
        n_slots_evaluated: Number of slots whose exact outcomes were evaluated.
        ways: All ways; impossible ones are last.
    """

    tolerance: float
    decision: Decision
    n_rows: int
    n_counted: int
    noise_flips: float
    n_slots: int | None
    n_slots_evaluated: int | None
    ways: tuple[PlannedWay, ...]

    @property
    def possible(self) -> tuple[PlannedWay, ...]:
        """The ways that stay within the tolerance."""
        return tuple(way for way in self.ways if way.reason is None)


def check_plan(tolerance: float, decision: str, options: RuntimeOptions) -> None:
    """Raise InputError if shots cannot be planned with these settings."""
    if not 0 < tolerance < 1:
        raise InputError(
            f"tolerance must be a share of the rows between 0 and 1, such as 0.02, got {tolerance}"
        )
    if decision not in get_args(Decision):
        raise InputError(f"decision must be 'class' or 'routing', got {decision!r}")
    if options.precision is not None:
        raise InputError(
            f"precision {options.precision} sets the shots, which tolerance looks for: omit one"
        )


def plan_shots(
    prepared: Prepared,
    tolerance: float,
    *,
    slots: SlotRequest,
    decision: Decision = "class",
    seed: int = 0,
    report: Callable[[str], None] = lambda _: None,
) -> ShotPlan:
    """Find the fewest shots for every way; nothing is sent.

    A way's decisions are compared with those that infinitely many shots give on the qubits of the
    direct way, under the device's calibration. The expected share of changed decisions is simulated
    by drawing bit strings from their exact noisy distributions. Equal arguments give equal plans,
    and a larger tolerance never takes more shots.

    Args:
        prepared: The run on the device, without slots, with any number of shots.
        tolerance: The accepted expected share of changed decisions.
        slots: The slots of the packed ways.
        decision: "class" or "routing": the expert with the largest weight.
        seed: Seed of the simulated shots.
        report: Shows what is being done.

    Raises:
        InputError: If a setting is not accepted, or the exact noisy outcomes are out of reach.
    """
    classifier = prepared.run.classifier
    compiled = classifier.compiled_router
    assert compiled is not None
    options = prepared.works[0].options
    check_plan(tolerance, decision, options)
    if decision == "class" and classifier.drawn_votes is not None:
        votes = f"{classifier.drawn_votes} vote{'s' * (classifier.drawn_votes != 1)}"
        raise InputError(
            f"the model draws {votes} per row from the shots, so that its labels are random for "
            f"any number of shots, and more of them than {classifier.drawn_votes} change nothing: "
            "omit --tolerance for what they cost, or plan for --decision routing; qmoe evaluate "
            "RUN --votes 1,3,9 shows what more votes gain"
        )
    require_exact(compiled.router, options)
    ways = Ways(prepared, slots)
    report("evaluating the circuit under the calibration's noise")
    decider = Decider(classifier, prepared.rows.features_NF[ways.rows_N], decision)
    reference_N = decider(ways.exact_NO)
    exact = open_backend("statevector").compile(compiled.router)
    ideal_N = decider(exact.expectations(ways.inputs_NF, ways.weights_W).values)
    planned = []
    for name in WAYS:
        report(f"planning shots: {name}")
        search = _Search(prepared, decider, reference_N, tolerance=tolerance, seed=seed)
        try:
            planned.append(search.way(name, ways.candidate(name)))
        except InputError as error:
            planned.append(PlannedWay(name=name, reason=str(error)))
    packed = next(way for way in planned if way.name == "packed")
    return ShotPlan(
        tolerance=tolerance,
        decision=decision,
        n_rows=prepared.rows.n_rows,
        n_counted=len(ways.rows_N),
        noise_flips=float((reference_N != ideal_N).mean()),
        n_slots=packed.n_slots,
        n_slots_evaluated=None if packed.n_slots is None else ways.evaluated_slots,
        ways=tuple(sorted(planned, key=_cost)),
    )


def _cost(way: PlannedWay) -> float:
    return np.inf if way.estimate is None else way.estimate.seconds


class _Search:
    """The search for the fewest shots."""

    def __init__(
        self,
        prepared: Prepared,
        decider: Decider,
        reference_N: NDArray[np.int64],
        tolerance: float,
        seed: int,
    ) -> None:
        self._device, self._decider = prepared.device, decider
        self._reference_N, self._tolerance, self._seed = reference_N, tolerance, seed

    def way(self, name: WayName, candidate: Candidate) -> PlannedWay:
        """Return a way with its fewest shots, or why no number of shots is within the tolerance."""
        floor = self._flips(candidate, None).expected
        way = PlannedWay(
            name=name,
            flips_without_shots=floor,
            n_points=sum(len(inputs) for inputs, _ in candidate.batches),
            n_slots=len(candidate.measurement.places_K),
        )
        if floor > self._tolerance:
            why = (
                f"with infinitely many shots {floor:.1%} of the decisions differ from those on the "
                "direct way's qubits, since slots have unequal noise: use fewer --slots"
            )
            return replace(way, reason=why)
        asked = _ladder(_MOST_SHOTS // candidate.slots_per_point)
        if self._flips(candidate, asked[-1]).expected > self._tolerance:
            why = f"{asked[-1] * candidate.slots_per_point:,} shots per point are not enough"
            return replace(way, reason=why)
        low, high = 0, len(asked) - 1  # the decision at `high` is within the tolerance
        while low < high:
            middle = (low + high) // 2
            if self._flips(candidate, asked[middle]).expected <= self._tolerance:
                high = middle
            else:
                low = middle + 1
        in_slot, _ = executed_shots(candidate.router.backend.options, asked[high])
        shots = in_slot * candidate.slots_per_point
        return replace(
            way,
            shots=shots,
            flips=self._flips(candidate, asked[high]),
            estimate=combine_estimates(estimate_on(self._device, candidate.works(shots))),
        )

    def _flips(self, candidate: Candidate, asked: int | None) -> Flips:
        """Return the changed decisions for shots per point and slot that are asked for."""
        shots, calibration = None, 0
        if asked is not None:
            shots, calibration = executed_shots(candidate.router.backend.options, asked)
        return flips(
            candidate.measurement,
            self._decider,
            self._reference_N,
            shots=shots,
            calibration=calibration,
            seed=self._seed,
        )


def _ladder(most: int) -> list[int]:
    """Return the numbers up to `most` that have at most two significant digits."""
    numbers, step = list(range(1, 100)), 10
    while numbers[-1] < most:
        numbers += range(10 * step, 100 * step, step)
        step *= 10
    return [number for number in numbers if number <= most]
