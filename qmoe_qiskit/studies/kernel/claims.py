"""Claims of the study of kernels; positive differences speak for them."""

from __future__ import annotations

from qmoe_qiskit.stats import Claim
from qmoe_qiskit.studies.kernel.results import BOX_NAMES, KernelResults
from qmoe_qiskit.studies.training.routers import label

# The kernels that are compared with the RBF kernel.
_CLAIMED = ("quantum", "quantum-bandwidth", "quantum-trained")


def alignment_claims(found: KernelResults) -> list[Claim]:
    """Return the claims about kernels."""
    margin = found.settings.alignment_margin
    claims = []
    for data in found.settings.data:
        against = [(kernel, "rbf") for kernel in _CLAIMED]
        claims += [
            Claim(
                text=(
                    f"{data}: the kernel {found.label(one)!r} is better aligned with the labels "
                    f"than {found.label(other)!r}"
                ),
                differences_N=found.kernel(data, one, "held_out")
                - found.kernel(data, other, "held_out"),
                margin=margin,
            )
            for one, other in [*against, ("quantum-trained", "quantum-initial")]
        ]
    return claims


def machine_claims(found: KernelResults) -> list[Claim]:
    """Return the claims about support vector machines on the kernels."""
    margin = found.settings.margin
    claims = []
    for data in found.settings.data:
        claims += [
            Claim(
                text=(
                    f"{data}: a support vector machine on {found.label(kernel)!r} is more accurate "
                    f"than one on {found.label('rbf')!r}"
                ),
                differences_N=found.machine(data, kernel) - found.machine(data, "rbf"),
                margin=margin,
            )
            for kernel in _CLAIMED
        ]
        claims.append(
            Claim(
                text=(
                    f"{data}: the mixture with the paper's router is more accurate than a "
                    "support vector machine on the router's kernel"
                ),
                differences_N=found.mixture(data, 1) - found.machine(data, "quantum"),
                margin=margin,
            )
        )
    return claims


def dimension_claims(found: KernelResults) -> list[Claim]:
    """Return the claims about effective dimensions."""
    settings = found.settings
    return [
        Claim(
            text=(
                f"the quantum router has a larger effective dimension per parameter than the "
                f"{label(control)} router (parameters from {BOX_NAMES[box]}, {size:,} rows)"
            ),
            differences_N=found.dimension(box, "quantum", size)
            - found.dimension(box, control, size),
            margin=settings.dimension_margin,
        )
        for box in settings.boxes
        for control in settings.dimension_controls
        for size in dict.fromkeys((settings.sizes[0], settings.sizes[-1]))
    ]
