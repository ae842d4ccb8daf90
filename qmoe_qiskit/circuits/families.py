"""The table of circuit families: all that a name such as "zz" stands for, in one entry each.

Reading the table loads no Qiskit; building a circuit does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.registry import Entry, Registry

if TYPE_CHECKING:
    from qmoe_qiskit.circuits.layers import Couplers
    from qmoe_qiskit.circuits.router import RouterCircuit

# Entanglement "device" stands for the `Couplers` of the backend's device.
DEVICE = "device"


@dataclass(frozen=True, kw_only=True)
class CircuitSettings:
    """What a circuit is built from; every family uses the settings that it needs.

    Attributes:
        n_inputs: Number of coordinates that the circuit sees.
        n_qubits: Number of qubits that they enter in groups, see `angle_router`; None for the
            number that they need at once.
        n_layers: Number of layers after each upload.
        rotation: Axis of the embedding, see `angle_router`.
        reuploads: Number of uploads of the inputs.
        entanglement: Entangler of the layers, see `angle_router`; "device" only for a family that
            follows the device.
        input_scaling: Whether inputs are multiplied by weights, see `angle_router`.
        mirrored: Whether every second layer is a mirror image, see `angle_router`.
        couplers: Returns the couplers of the device that the circuit is for, by the number of
            qubits; None for a line.
    """

    n_inputs: int
    n_qubits: int | None = None
    n_layers: int = 3
    rotation: str = "x"
    reuploads: int = 1
    entanglement: str = "strong"
    input_scaling: bool = False
    mirrored: bool = False
    couplers: Callable[[int], Couplers] | None = None


@dataclass(frozen=True, kw_only=True)
class CircuitFamily(Entry):
    """A family of circuits.

    Attributes:
        build: Function that builds the circuit.
        unused: Names of the settings that would have no effect on the family's circuits.
        embeds_amplitudes: Whether the circuit takes the angles of `amplitude_angles` instead of
            the features.
        follows_device: Whether the entangler is that of the backend's device.
    """

    build: Callable[[CircuitSettings], RouterCircuit]
    unused: tuple[str, ...] = ()
    embeds_amplitudes: bool = False
    follows_device: bool = False

    def check(self, settings: CircuitSettings) -> None:
        """Refuse settings that would have no effect, with InputError."""
        standard = CircuitSettings(n_inputs=1)
        for name in self.unused:
            given, default = getattr(settings, name), getattr(standard, name)
            if given != default:
                raise InputError(
                    f"{name}={given!r} would have no effect on circuit {self.name!r}: leave it at "
                    f"{default!r}, or choose another circuit"
                )
        entanglement = settings.entanglement
        if self.follows_device and entanglement not in (DEVICE, standard.entanglement):
            raise InputError(
                f"entanglement {entanglement!r} would have no effect, because circuit "
                f"{self.name!r} follows the device: leave it out, or choose circuit 'angle'"
            )
        if entanglement == DEVICE and not self.follows_device:
            raise InputError(
                f"entanglement 'device' is for circuit 'hardware-efficient', not {self.name!r}: "
                "choose that circuit, or another entanglement"
            )


def build_circuit(family: str, settings: CircuitSettings) -> RouterCircuit:
    """Build a circuit by the name of its family.

    Raises:
        InputError: If the name is unknown, or a setting is not accepted or has no effect.

    >>> build_circuit("zz", CircuitSettings(n_inputs=2, n_layers=1)).n_weights
    6
    """
    entry = CIRCUITS.get(family)
    entry.check(settings)
    return entry.build(settings)


def _angle(settings: CircuitSettings, couplers: Couplers | None = None) -> RouterCircuit:
    from qmoe_qiskit.circuits.angle import angle_router

    return angle_router(
        settings.n_inputs,
        settings.n_layers,
        n_qubits=settings.n_qubits,
        rotation=settings.rotation,
        reuploads=settings.reuploads,
        entanglement=couplers or settings.entanglement,
        input_scaling=settings.input_scaling,
        mirrored=settings.mirrored,
    )


def _zz(settings: CircuitSettings) -> RouterCircuit:
    from qmoe_qiskit.circuits.zz import zz_router

    return zz_router(
        settings.n_inputs,
        settings.n_layers,
        reuploads=settings.reuploads,
        entanglement=settings.entanglement,
        input_scaling=settings.input_scaling,
        mirrored=settings.mirrored,
    )


def _amplitude(settings: CircuitSettings) -> RouterCircuit:
    from qmoe_qiskit.circuits.amplitude import amplitude_circuit

    return amplitude_circuit(
        settings.n_inputs,
        settings.n_layers,
        entanglement=settings.entanglement,
        mirrored=settings.mirrored,
    )


def _hardware_efficient(settings: CircuitSettings) -> RouterCircuit:
    from qmoe_qiskit.circuits.layers import Couplers

    couplers = (settings.couplers or Couplers.line)(settings.n_qubits or settings.n_inputs)
    return _angle(settings, couplers)


CIRCUITS = Registry(
    "circuit",
    [
        CircuitFamily(name="angle", help="a rotation per feature, then layers", build=_angle),
        CircuitFamily(
            name="zz",
            help="the ZZ feature map, with products of features, then layers",
            build=_zz,
            unused=("n_qubits", "rotation"),
        ),
        CircuitFamily(
            name="amplitude",
            help="2^n features as the amplitudes of n qubits, then layers",
            build=_amplitude,
            unused=("n_qubits", "rotation", "reuploads", "input_scaling"),
            embeds_amplitudes=True,
        ),
        CircuitFamily(
            name="hardware-efficient",
            help="as angle, but entangled by the gates and along the couplers of the device; on a "
            "backend without a device, by CZ gates on a line",
            build=_hardware_efficient,
            follows_device=True,
        ),
    ],
)
