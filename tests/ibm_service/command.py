"""The command line."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import tempfile
import threading
from pathlib import Path

from ibm_service.instances import PRICING
from ibm_service.service import IBMService

# Those of the documentation's commands first.
DEVICES = ("ibm_fez", "ibm_torino", "ibmq_manila")
FIRST = "# Paste these lines into another shell: there qmoe then talks to this stand-in.\n"
NEXT = """
# Then give the commands of docs/how-to/ibm-quantum.md in that shell, such as:
#   qmoe train --data moons --router quantum --layers 3 --experts 2 --epochs 30 --out runs/moons
#   qmoe estimate runs/moons --backend runtime:{device} --samples 50 --shots 1024
#   qmoe submit runs/moons --backend runtime:{device} --samples 50 --shots 1024 --budget 60s
#   qmoe jobs collect --wait
#   qmoe evaluate runs/moons --backend runtime:{device} --samples 50 --shots 1024
# The devices are {devices}.
# Spoil something:
#   curl -d '{{"kind": "drop", "when": "after"}}' {url}/_admin/faults
#   curl {url}/_admin/jobs
# Ctrl-C ends the service, with its jobs and their ledger.
"""


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="ibm_service",
        description="A loopback IBM Quantum service: try submission without an account.",
    )
    parser.add_argument(
        "--device",
        action="append",
        metavar="NAME",
        help=f"offer it; may be given more than once; default: {', '.join(DEVICES)}",
    )
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--plan", choices=list(PRICING), default="open")
    parser.add_argument("--queued", type=float, default=0.0, help="seconds that jobs wait")
    parser.add_argument("--running", type=float, default=0.0, help="seconds that jobs run")
    options = parser.parse_args()
    open_plan = options.plan == "open"
    try:
        ibm = IBMService(
            options.device or DEVICES,
            plan=options.plan,
            port=options.port,
            pending_limit=3 if open_plan else None,
            creations_per_minute=5 if open_plan else None,
        )
    except (OSError, ValueError) as error:
        parser.error(str(error))
    ibm.pace.queued, ibm.pace.running = options.queued, options.running
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ibm, tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        # Rehearsed jobs must not enter the ledger of real jobs.
        ledger = {"QMOE_LEDGER": str(Path(folder) / "ledger.sqlite")}
        sys.stdout.write(FIRST)
        if sys.prefix != sys.base_prefix:  # a new shell does not know the command qmoe
            sys.stdout.write(f". {shlex.quote(str(Path(sys.prefix) / 'bin' / 'activate'))}\n")
        for name, value in (ibm.environment() | ledger).items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
        devices = [device.name for device in ibm.devices]
        sys.stdout.write(NEXT.format(device=devices[0], devices=", ".join(devices), url=ibm.url))
        sys.stdout.flush()
        stop.wait()
