"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# Names every form of `qmoe_qiskit.backends.BACKENDS`; a literal, because --help loads no Qiskit.
BACKEND = (
    "Where the circuit runs: statevector (exact, no noise), noisy:DEVICE (see qmoe profiles list), "
    "noisy:FILE.json, noisy:depolarizing:P (on every qubit behind the embedding and at the end), "
    "noisy:depolarizing-gates:P, noisy:thermal:T1,T2 (in microseconds), noisy:readout:P or "
    "noisy:ideal."
)

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, all else on stderr.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a run that is there.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of split, initial weights and shuffling.")]
RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)
]
