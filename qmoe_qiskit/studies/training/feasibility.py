"""Checks that circuits can run where settings say, before the first task of a study runs."""

from collections.abc import Iterable
from functools import cache

from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.studies.training.circuit_execution import CircuitExecution
from qmoe_qiskit.studies.training.routers import is_quantum, router_circuit


def check_router_runs(
    router: str, *, n_inputs: int, n_layers: int, data: str, settings: Iterable[CircuitExecution]
) -> None:
    """Refuse executions that a router's circuit cannot run with; a classical one runs everywhere.

    Args:
        router: Name of the router.
        n_inputs: Number of coordinates that the router sees.
        n_layers: Number of layers of a quantum router.
        data: Name of the data set, for the message.
        settings: Executions of the circuit.

    Raises:
        InputError: If the circuit cannot run with one of them.
    """
    if is_quantum(router):
        for kind in {_kind(setting) for setting in settings if not setting.is_exact}:
            _check_router(router, n_inputs, n_layers, data, kind)


def check_circuit_runs(circuit: RouterCircuit, what: str, setting: CircuitExecution) -> None:
    """Refuse an execution that a circuit cannot run with.

    Args:
        circuit: The circuit.
        what: Name of the circuit in the message.
        setting: Execution of the circuit.

    Raises:
        InputError: If the circuit cannot run with it.
    """
    where = setting.resolve_backend(0)
    if isinstance(where, NoiseProfile) and len(where.qubits) < circuit.n_qubits:
        raise InputError(
            f"{what} has {circuit.n_qubits} qubits, {where.device} has {len(where.qubits)}: name "
            "larger devices in the study's settings, or data with fewer features"
        )
    BackendSpec(backend=where).open().compile(circuit)
    if setting.mitigation == "none":
        return
    try:
        BackendSpec(backend=where, mitigation=setting.mitigation).open().compile(circuit)
    except InputError as error:
        raise InputError(
            f"readout errors of {setting.backend} times {setting.readout:g} cannot be undone, "
            "since an outcome says nothing about its qubit any more: use a smaller factor on its "
            "noise"
        ) from error


def _kind(setting: CircuitExecution) -> CircuitExecution:
    """Return an execution without the fields that cannot decide whether a circuit runs.

    These fields leave the device's qubits, couplers and gates unchanged; the size of readout errors
    matters only where they are undone.
    """
    return CircuitExecution(
        backend=setting.backend,
        mitigation=setting.mitigation,
        readout=setting.readout if setting.mitigation == "readout" else 1.0,
    )


@cache
def _check_router(
    router: str, n_inputs: int, n_layers: int, data: str, setting: CircuitExecution
) -> None:
    circuit = router_circuit(router, n_inputs=n_inputs, n_layers=n_layers)
    check_circuit_runs(circuit, f"router {router!r} on {data!r}", setting)
