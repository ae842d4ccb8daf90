"""`qmoe slots`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import (
    check_vacant_file,
    console,
    remark,
    write_file,
    write_json,
)
from qmoe_qiskit.cli.output.tables import open_table

if TYPE_CHECKING:
    from qmoe_qiskit.backends.slots.finding import SlotFinder, SlotSet, Tradeoff
    from qmoe_qiskit.noise_profiles import NoiseProfile

_FIGURE = "slots.png"


def slots(
    device: Annotated[
        str,
        typer.Argument(
            metavar="DEVICE",
            help="A stored profile (qmoe profiles list), a .json file, fake_DEVICE, or "
            "runtime:DEVICE for the calibration that a device of IBM Quantum has now.",
        ),
    ],
    *,
    router: Annotated[
        Path, typer.Option(metavar="RUN", help="Folder of the run whose circuit is placed.")
    ],
    count: Annotated[
        str,
        typer.Option("--slots", metavar="auto|N", help="A number, or auto for as many as pay."),
    ] = "auto",
    spacing: common.Spacing = None,
    max_error: Annotated[
        float | None,
        typer.Option(
            help="Largest expected error of a slot; by default auto allows 0.1 more than that of "
            "the best."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder to draw into.")] = None,
    force: common.ForceFile = False,
    as_json: common.Json = False,
) -> None:
    """Find the slots of a device: regions where copies of a run's circuit run at once.

    The figure shows them on the coupling map, and how errors grow with the number of slots.
    """
    from qmoe_qiskit.backends.slots.finding import SlotFinder
    from qmoe_qiskit.backends.slots.request import slot_request

    request = slot_request(common.slots_from(count), spacing, max_error)
    assert request is not None
    circuit = runs.read_run(router).load_circuit()
    figure = None if out is None else out / _FIGURE
    if figure is not None:
        check_vacant_file(figure, force=force)
    finder = SlotFinder(circuit, _profile(device), seed=0)
    found = finder.find(request)
    tradeoffs = finder.tradeoffs(request.spacing, max_error=max_error)
    if figure is not None:
        _draw(figure, finder, found, tradeoffs)
    if as_json:
        write_json(_document(router, finder, found, tradeoffs, figure))
        return
    _show(finder, found, tradeoffs)
    if figure is not None:
        remark(f"figure: {figure}")


def _profile(device: str) -> NoiseProfile:
    from qmoe_qiskit.backends.noisy.registry import noise_from
    from qmoe_qiskit.errors import InputError
    from qmoe_qiskit.noise_profiles import NoiseProfile

    kind, _, name = device.partition(":")
    if kind == "runtime" and not name.startswith("fake_"):
        from qmoe_qiskit.hardware.devices.ibm import IBMDevice

        return IBMDevice(name).profile()
    noise = noise_from(f"noisy:{name if kind == 'runtime' else device.removeprefix('noisy:')}")
    if not isinstance(noise, NoiseProfile):
        raise InputError(
            f"{device!r} is no device: name a stored profile, such as ibm_torino, a .json file, "
            "a fake, such as fake_torino, or runtime:DEVICE"
        )
    return noise


def _draw(path: Path, finder: SlotFinder, found: SlotSet, tradeoffs: list[Tradeoff]) -> None:
    from qmoe_qiskit.figures import DrawnSlot, figure_bytes, slots_figure

    drawn = [
        DrawnSlot(qubits=slot.circuit.active, expected_error=slot.expected_error)
        for slot in found.slots
    ]
    figure = slots_figure(finder.profile, drawn, tradeoffs, _summary(finder, found))
    write_file(path, figure_bytes(figure))


def _summary(finder: SlotFinder, found: SlotSet) -> str:
    selection = found.selection
    proof = (
        "proven optimal"
        if selection.method == "exact"
        else f"by {selection.method}, at most {100 * selection.gap:.1f} % below the optimum"
    )
    errors = [slot.expected_error for slot in found.slots]
    return (
        f"{len(errors)} slot{'s' * (len(errors) != 1)} of {finder.router.n_qubits} qubits, spacing "
        f"{found.request.spacing}, expected errors {100 * errors[0]:.2g} % to "
        f"{100 * errors[-1]:.2g} %; chosen from {found.n_candidates} places, {proof}"
    )


def _show(finder: SlotFinder, found: SlotSet, tradeoffs: list[Tradeoff]) -> None:
    screen = console()
    screen.print(f"{finder.profile.device}: {_summary(finder, found)}", soft_wrap=True)
    table = open_table("slot", "qubits", numbers=("expected error",))
    for rank, slot in enumerate(found.slots, start=1):
        table.add_row(str(rank), " ".join(map(str, slot.qubits)), f"{slot.expected_error:.4f}")
    screen.print(table)
    screen.print("Errors by the number of slots:")
    trade = open_table(numbers=("slots", "mean error", "largest error"))
    for each in tradeoffs:
        trade.add_row(str(each.n_slots), f"{each.mean_error:.4f}", f"{each.largest_error:.4f}")
    screen.print(trade)


def _document(
    run: Path,
    finder: SlotFinder,
    found: SlotSet,
    tradeoffs: list[Tradeoff],
    figure: Path | None,
) -> dict[str, Any]:
    profile, selection = finder.profile, found.selection
    return {
        "run": str(run),
        "device": profile.device,
        "calibrated": profile.captured_at.isoformat(),
        "spacing": found.request.spacing,
        "n_slots": len(found.slots),
        "n_places": found.n_candidates,
        "method": selection.method,
        "gap": selection.gap,
        "slots": [
            {
                "qubits": list(slot.qubits),
                "all_qubits": list(slot.circuit.active),
                "expected_error": slot.expected_error,
            }
            for slot in found.slots
        ],
        "tradeoffs": [
            {
                "n_slots": each.n_slots,
                "mean_error": each.mean_error,
                "largest_error": each.largest_error,
            }
            for each in tradeoffs
        ],
        "figure": None if figure is None else str(figure),
    }
