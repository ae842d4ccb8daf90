"""Client-level differential privacy: what clients send is clipped, averaged with noise, counted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.typing import FloatArray

# Whole orders, whose moments of a sampled Gaussian are finite sums; others need series.
_ORDERS = tuple(range(2, 257))


@dataclass(frozen=True, kw_only=True)
class ClientPrivacy:
    """Differential privacy of whole clients, as DP-FedAvg (McMahan et al., arXiv:1710.06963).

    In every round each client takes part with probability `sample_rate`; the change of its shared
    weights is clipped to a norm, and the coordinator, which is trusted, adds Gaussian noise to the
    sum. Two federations are neighbours if one has a client more. What is released are the shared
    weights after every round; accuracies and losses in a `FederatedRun` are not covered.

    Attributes:
        noise_multiplier: Standard deviation of the noise as a multiple of `max_norm`.
        max_norm: Largest Euclidean norm of a client's change.
        sample_rate: Probability that a client takes part in a round.
        delta: Probability with which the guarantee may fail.
        noise_seed: Seed of sampling and noise for studies; None for the system's randomness. Who
            knows the seed can subtract the noise.

    Raises:
        InputError: If a value is out of range.

    >>> privacy = ClientPrivacy(noise_multiplier=2.0, max_norm=1.0, sample_rate=0.5)
    >>> round(privacy.epsilon(10), 1)
    4.4
    """

    noise_multiplier: float
    max_norm: float
    sample_rate: float = 1.0
    delta: float = 1e-5
    noise_seed: int | None = None

    def __post_init__(self) -> None:
        _check("noise_multiplier", self.noise_multiplier, math.inf, "a positive number")
        _check("max_norm", self.max_norm, math.inf, "a positive number")
        _check("sample_rate", self.sample_rate, 1, "above 0 and at most 1", end=True)
        _check("delta", self.delta, 1, "above 0 and below 1")

    def epsilon(self, rounds: int) -> float:
        """Return what a number of rounds spends, by the Renyi accountant of dp-accounting.

        Raises:
            InputError: If dp-accounting is not installed.
        """
        try:
            import dp_accounting
            from dp_accounting.rdp import RdpAccountant
        except ImportError as error:
            raise InputError(
                "privacy of clients is counted by dp-accounting, which is not installed: "
                "pip install 'qmoe-qiskit[private]'"
            ) from error
        event = dp_accounting.PoissonSampledDpEvent(
            self.sample_rate, dp_accounting.GaussianDpEvent(self.noise_multiplier)
        )
        accountant = RdpAccountant(_ORDERS).compose(event, rounds)
        return float(accountant.get_epsilon(self.delta))

    def generator(self, number: int) -> np.random.Generator:
        """Return the source of a round's sampling and noise."""
        if self.noise_seed is None:
            return np.random.default_rng()
        return np.random.default_rng([self.noise_seed, number])

    def average(
        self,
        before_V: FloatArray,
        after: Sequence[FloatArray],
        n_clients: int,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Return the shared weights after a round.

        Args:
            before_V: Shared weights before the round.
            after: Those of each client after it.
            n_clients: Number of all clients; the sum is divided by the expected number of those
                that take part, which does not depend on who does.
            rng: Source of the noise.
        """
        total_V = rng.normal(scale=self.noise_multiplier * self.max_norm, size=len(before_V))
        for after_V in after:
            change_V = after_V - before_V
            total_V += change_V / max(1.0, float(np.linalg.norm(change_V)) / self.max_norm)
        averaged_V: FloatArray = before_V + total_V / (self.sample_rate * n_clients)
        return averaged_V


def _check(name: str, value: object, limit: float, accepted: str, *, end: bool = False) -> None:
    """Refuse what is no number between 0 and a limit, or the limit itself where `end` is true."""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        number = float(value)
        if 0 < number < limit or (end and number == limit):
            return
    raise InputError(f"{name} must be {accepted}, got {value!r}")
