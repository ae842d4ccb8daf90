"""A surrogate as a backend: the circuit that was measured is evaluated without being run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qmoe_qiskit.backends.protocols import check_router
from qmoe_qiskit.backends.surrogate.fourier import FourierSurrogate
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError


@dataclass(frozen=True, eq=False)
class SurrogateBackend:
    """A backend that knows one circuit at one set of weights.

    Attributes:
        source: The surrogate, or the path of its file.
    """

    source: FourierSurrogate | str | Path

    @property
    def name(self) -> str:
        """The specification, such as "surrogate:FILE"; of an object, where it was measured."""
        if isinstance(self.source, FourierSurrogate):
            return self.source.backend_name
        return f"surrogate:{self.source}"

    def compile(self, router: RouterCircuit) -> FourierSurrogate:
        """Return the surrogate, if it is of this circuit.

        Raises:
            InputError: If it is of another circuit, or has no surrogate.
            RunError: If the file is missing or damaged, or of another circuit.
        """
        check_router(router)
        if isinstance(self.source, str | Path):
            return FourierSurrogate.load(self.source, router)
        if self.source.router.content_hash != router.content_hash:
            raise InputError("the surrogate is of another circuit: measure that of this model")
        return self.source
