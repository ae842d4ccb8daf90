"""The record of what a private training has spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class PrivacySpent:
    """What a training has spent, by two accountants that share no code.

    Attributes:
        epsilon: The larger of the two accountants' epsilons at `delta`.
        delta: The delta at which they are stated.
        by_accountant: Epsilon of each: "prv" (Opacus, arXiv:2106.02848) and "pld" (Google's
            dp-accounting, arXiv:2207.04380).
        n_steps: Number of steps that count, those of interrupted epochs included.
        sample_rate: Probability of a row to be in a step.
        noise_multiplier: Standard deviation of the noise over `max_grad_norm`.
        max_grad_norm: Norm that the gradient of a row was clipped to.
        n_rows: Number of training rows.
        is_seeded: Whether sampling and noise came from a seed, as in studies, so that who knows the
            seed can subtract the noise: then there is no privacy.

    >>> spent = PrivacySpent(
    ...     epsilon=3.9, delta=1e-5, by_accountant={"prv": 3.9, "pld": 3.8}, n_steps=300,
    ...     sample_rate=0.1, noise_multiplier=2.1, max_grad_norm=1.0, n_rows=500,
    ... )
    >>> print(spent)
    epsilon 3.90 at delta 1e-05 (PRV 3.90, PLD 3.80; 300 steps of rows drawn with probability 0.1, \
noise multiplier 2.1)
    """

    epsilon: float
    delta: float
    by_accountant: dict[str, float]
    n_steps: int
    sample_rate: float
    noise_multiplier: float
    max_grad_norm: float
    n_rows: int
    is_seeded: bool = False

    def __str__(self) -> str:
        each = ", ".join(f"{name.upper()} {one:.2f}" for name, one in self.by_accountant.items())
        text = (
            f"epsilon {self.epsilon:.2f} at delta {self.delta:g} ({each}; {self.n_steps} steps of "
            f"rows drawn with probability {self.sample_rate:.3g}, noise multiplier "
            f"{self.noise_multiplier:.3g})"
        )
        return f"none, because the noise was seeded for a study: {text}" if self.is_seeded else text

    def document(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the record that `document` returned.

        Raises:
            TypeError: If it is none.
        """
        return cls(**document)
