"""The service as a separate process: `python tests/ibm_service --help`."""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:
    # The folder is run as a program: make the package importable instead of its files.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from ibm_service.command import main

main()
