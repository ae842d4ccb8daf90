"""The service as a process of its own: `python tests/ibm_service --help`."""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:
    # Run as a folder: let the package be found, and not its files.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from ibm_service.command import main

main()
