"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, all else on stderr.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a run that is there.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of split, initial weights and shuffling.")]
RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)
]
