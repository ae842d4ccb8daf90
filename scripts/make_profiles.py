"""Make the bundled noise profiles anew from the device snapshots of qiskit-ibm-runtime.

    python scripts/make_profiles.py                # all of them, into noise_profiles/
    python scripts/make_profiles.py fake_torino    # some
    python scripts/make_profiles.py --out FOLDER   # elsewhere

With the same qiskit-ibm-runtime the files have the same bytes again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from qmoe_qiskit.noise_profiles import capture

FOLDER = Path(__file__).parents[1] / "noise_profiles"

FAKES = (
    "fake_manila",  # Falcon
    "fake_lagos",
    "fake_perth",
    "fake_kolkata",
    "fake_brisbane",  # Eagle
    "fake_sherbrooke",
    "fake_torino",  # Heron r1
    "fake_fez",  # Heron r2
    "fake_marrakesh",
    "fake_kingston",
    "fake_boston",  # Heron r3
    "fake_aachen",
    "fake_berlin",  # Nighthawk
    "fake_miami",
)


def main() -> None:
    """Write the profiles and show what they hold."""
    parser = argparse.ArgumentParser(description="Make the bundled noise profiles.")
    parser.add_argument("fakes", nargs="*", default=FAKES, help="fake backends, by default all")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write to")
    arguments = parser.parse_args()
    table = Table("profile", "family", "qubits", "captured", "kB", "repairs")
    total = 0
    for fake in arguments.fakes:
        profile = capture(fake)
        path = arguments.out / f"{profile.device}.json"
        profile.save(path)
        total += path.stat().st_size
        repairs = profile.summary()["repairs"]
        table.add_row(
            profile.device,
            profile.family,
            str(profile.n_qubits),
            f"{profile.captured_at:%Y-%m-%d}",
            f"{path.stat().st_size / 1000:.0f}",
            ", ".join(f"{count} {what}" for what, count in repairs.items()),
        )
    Console().print(table, f"{total / 1e6:.2f} MB in {arguments.out}")


if __name__ == "__main__":
    main()
