"""Opening noisy backends: what is refused, when, and what the message says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qmoe_qiskit.backends import list_backends, open_backend
from qmoe_qiskit.backends.noisy.circuit import NoisyCircuit
from qmoe_qiskit.backends.noisy.registry import NOISES, NoiseKind
from qmoe_qiskit.backends.noisy.synthetic import Synthetic
from qmoe_qiskit.backends.open import backends_help
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.errors import InputError, ProfileError


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        *(
            (f"noisy:{kind}:{p}", rf"probability must lie between 0 and 0\.75, got {shown}")
            for kind in ("depolarizing", "depolarizing-gates")
            for p, shown in [("0.76", r"0\.76"), ("-0.1", r"-0\.1"), ("nan", "nan"), ("inf", "inf")]
        ),
        *(
            (f"noisy:{text}", "needs one number after its last colon")
            for text in (
                "depolarizing", "depolarizing:", "depolarizing:x", "depolarizing:0.1,0.2",
                "depolarizing-gates", "readout", "readout:", "readout:1%", "readout:0.1:0.2",
            )
        ),
        *(
            (f"noisy:{text}", "needs two numbers after its last colon, such as noisy:thermal")
            for text in (
                "thermal", "thermal:100", "thermal:100,80,60", "thermal:100;80", "thermal:,",
            )
        ),
        *(
            (f"noisy:thermal:{text}", r"needs T1 > 0 and 0 < T2 <= 2 T1, got T1")
            for text in ("100,201", "0,0", "-1,1", "100,0", "100,-1", "nan,1", "100,nan", "100,inf")
        ),
        *(
            (f"noisy:readout:{p}", f"readout error must lie between 0 and 1, got {p}")
            for p in ("-0.1", "1.1", "nan", "inf")
        ),
        ("noisy:thermall:1,1", "unknown noise 'thermall'.* did you mean 'thermal'"),
        ("noisy:depolarising:0.1", "unknown noise 'depolarising'.*did you mean 'depolarizing'"),
        ("noisy:ideal:1", "unknown noise 'ideal'"),
        ("noisy:", "unknown backend 'noisy:'"),
        ("noisy", "unknown backend 'noisy'"),
        ("Noisy:ideal", "unknown backend 'Noisy:ideal'"),
    ],
)  # fmt: skip
def test_impossible_noise_is_refused_when_it_is_opened(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_backend(spec)


@pytest.mark.parametrize(
    ("name", "near"),
    [("ibm_torinoo", "ibm_torino"), ("ibm_manila", "ibmq_manila"), ("ibmfez", "ibm_fez")],
)
def test_unknown_devices_are_answered_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ProfileError, match=f"unknown noise profile '{name}'.*mean '{near}'"):
        open_backend(f"noisy:{name}")


def test_files_that_are_not_there_are_named() -> None:
    with pytest.raises(ProfileError, match=r"nothing-here\.json.*cannot be read"):
        open_backend("noisy:nothing-here.json")


@pytest.mark.parametrize("shots", [0, -1, 1.5, True, "10", float("nan")])
def test_shots_are_positive_whole_numbers(shots: Any) -> None:
    with pytest.raises(InputError, match="shots must be a whole number of at least 1, got"):
        open_backend("noisy:ibmq_manila", shots=shots)


@pytest.mark.parametrize("mitigation", ["readot", "", None, "zme"])
def test_unknown_mitigation_is_answered_with_what_exists(mitigation: Any) -> None:
    with pytest.raises(InputError, match=r"unknown mitigation .*known are none, readout, zne"):
        open_backend("noisy:ibmq_manila", mitigation=mitigation)


@pytest.mark.parametrize("seed", [-1, 1.5, "a"])
@pytest.mark.parametrize("spec", ["noisy:ibmq_manila", "statevector"])
def test_seeds_are_whole_numbers(seed: Any, spec: str) -> None:
    with pytest.raises(InputError, match="seed must be a whole number of at least 0, got"):
        open_backend(spec, seed=seed)


@pytest.mark.parametrize("seed", [0, 2**31, 2**64, np.int64(3)])
def test_large_seeds_serve(seed: int) -> None:
    compiled = open_backend("noisy:ibmq_manila", shots=5, seed=seed).compile(angle_router(1, 1))
    assert compiled.expectations(np.zeros((1, 1)), np.zeros(3)).shots == 5


@pytest.mark.parametrize(
    "settings", [{"shots": 10}, {"qubits": [0]}, {"mitigation": "readout"}, {"shots": 0}]
)
def test_the_statevector_has_no_shots_or_device(settings: Any) -> None:
    with pytest.raises(InputError, match=r"'statevector' is exact.*'noisy:ibm_torino'"):
        open_backend("statevector", **settings)


@pytest.mark.parametrize("engine", ["aer", "batched"])
def test_engines_are_the_statevectors(engine: str) -> None:
    with pytest.raises(InputError, match=f"engine '{engine}' is for backend 'statevector'"):
        open_backend("noisy:ibmq_manila", engine=engine)
    with pytest.raises(InputError, match="unknown engine 'are'"):
        open_backend("noisy:ibmq_manila", engine="are")


@pytest.mark.parametrize("spec", ["noisy:ideal", "noisy:depolarizing:0.1", "noisy:readout:0.1"])
def test_noise_without_a_device_has_no_qubits_to_choose(spec: str) -> None:
    with pytest.raises(InputError, match="no device qubits to choose"):
        open_backend(spec, qubits=[0, 1])


@pytest.mark.parametrize("shots", [None, 10])
def test_outcomes_that_say_nothing_cannot_be_mitigated(shots: int | None) -> None:
    backend = open_backend("noisy:readout:0.5", mitigation="readout", shots=shots)
    with pytest.raises(InputError, match="readout errors of router qubit 0 cannot be undone"):
        backend.compile(angle_router(2, 1))


class Blurred:
    """A made-up noise: the ideal device's, with every outcome wrong one time in four."""

    def __init__(self, share: float) -> None:
        self.share = share

    def add_to(self, router: RouterCircuit, **settings: Any) -> list[NoisyCircuit]:
        return Synthetic(readout_error=self.share / 4).add_to(router, **settings)


def test_a_noise_is_added_in_one_place() -> None:
    kind = NoiseKind(
        name="blurred", arguments="S", example="noisy:blurred:1", help="a blur", build=Blurred
    )
    NOISES.register(kind)
    try:
        assert "noisy:blurred:S" in list_backends()
        assert "noisy:blurred:S (a blur)" in backends_help("noisy")
        with pytest.raises(InputError, match="one number after its last colon, such as noisy:blur"):
            open_backend("noisy:blurred:x")
        router = angle_router(1, 1)
        values = (
            open_backend("noisy:blurred:1")
            .compile(router)
            .expectations(np.zeros((1, 1)), np.zeros(3))
        )
        assert values.values == pytest.approx(0.5)
    finally:
        del NOISES._entries["blurred"]
