"""Stored calibrations of devices: tasks, tables and claims."""

from __future__ import annotations

from qmoe_qiskit.stats import Claim, mean_estimates
from qmoe_qiskit.studies.noise.devices_results import Devices
from qmoe_qiskit.studies.noise.results import Found, breakdown_points
from qmoe_qiskit.studies.noise.section import StudySection
from qmoe_qiskit.studies.noise.settings import NoiseSettings
from qmoe_qiskit.studies.report.figures import intervals
from qmoe_qiskit.studies.report.summary import Column, FigureSpec, Table
from qmoe_qiskit.studies.training.routers import label


def summarize(settings: NoiseSettings, found: Found) -> StudySection:
    """Return tables, claims and a figure."""
    measured = Devices(settings, found)
    return StudySection(
        tables=(
            _devices(measured),
            _factors(measured),
            _breakdown(measured),
            _shots(measured),
        ),
        claims=tuple(_claims(measured)),
        figures=(_picture(measured),),
    )


def _devices(measured: Devices) -> Table:
    noisy_ND, ideal_ND = measured.noisy_ND, measured.ideal_ND
    columns = (
        mean_estimates(ideal_ND),
        mean_estimates(measured.losses_ND),
        mean_estimates(measured.flips_ND),
        mean_estimates(noisy_ND),
        mean_estimates(noisy_ND - ideal_ND),
        *(mean_estimates(noisy_ND - values_N[:, None]) for values_N in measured.controls.values()),
    )
    return Table(
        name="devices",
        title="The quantum router under the calibrations of devices",
        columns=(
            Column(name="device"),
            Column(name="accuracy, trained without noise"),
            Column(name="less that without noise"),
            Column(name="rows routed otherwise"),
            Column(name="accuracy, trained on the device"),
            Column(name="less trained without noise"),
            *(Column(name=f"less {label(name)}") for name in measured.controls),
        ),
        rows=tuple(zip(measured.names, *columns, strict=True)),
        note=(
            "Held-out rows, measured exactly under the device's calibration, readout errors "
            "included, on the qubits with the smallest expected error; the classical routers have "
            "no noise. Means over seeds with 95 % bootstrap intervals, differences paired by seed."
        ),
        source=measured.source,
    )


def _factors(measured: Devices) -> Table:
    factors = measured.settings.scales
    columns = [mean_estimates(measured.scaled_NDK[:, :, k]) for k in range(len(factors))]
    return Table(
        name="devices_factors",
        title="Every device's noise times a factor: accuracy, trained without noise",
        columns=(
            Column(name="device"),
            *(Column(name=f"times {factor:g}") for factor in factors),
        ),
        rows=tuple(zip(measured.names, *columns, strict=True)),
        note=(
            "Held-out rows, measured exactly under the scaled calibration. The factor multiplies "
            "the depolarizing probability of each gate, 1/T1, 1/T2 and the readout errors; times 0 "
            "is without noise. Means over seeds with 95 % bootstrap intervals."
        ),
        source=measured.source,
    )


def _breakdown(measured: Devices) -> Table:
    settings, controls = measured.settings, measured.controls
    return Table(
        name="devices_breakdown",
        title=(
            "Breakdown point: the smallest factor on a device's noise at which the quantum router, "
            "trained without noise,"
        ),
        columns=(
            Column(name="device"),
            *(Column(name=f"falls behind {label(name)}") for name in controls),
            Column(name=f"has an accuracy under {settings.accuracy:g}"),
        ),
        rows=tuple(
            (
                device,
                *breakdown_points(
                    settings.scales, measured.scaled_NDK[:, d], controls, settings.accuracy
                ),
            )
            for d, device in enumerate(measured.names)
        ),
        note=(
            "Where the mean over seeds crosses, linear between factors, with 95 % bootstrap "
            "intervals over seeds. The controls have no noise."
        ),
        source=measured.source,
    )


def _shots(measured: Devices) -> Table:
    columns = [mean_estimates(values_ND) for values_ND in measured.by_shots.values()]
    return Table(
        name="devices_shots",
        title="The calibrations as they are, with a limited number of shots",
        columns=(Column(name="device"), *(Column(name=name) for name in measured.by_shots)),
        rows=tuple(zip(measured.names, *columns, strict=True)),
        note=(
            "Held-out accuracy, trained without noise and shots. Means over seeds with 95 % "
            "bootstrap intervals."
        ),
        source=measured.source,
    )


def _claims(measured: Devices) -> list[Claim]:
    margin = measured.settings.margin
    return [
        *(
            Claim(
                text=(
                    f"trained without noise, the quantum router stays within {margin:g} of its "
                    f"accuracy without noise, on {device}"
                ),
                differences_N=losses_N,
                margin=margin,
                kind="equivalence",
            )
            for device, losses_N in zip(measured.names, measured.losses_ND.T, strict=True)
        ),
        Claim(
            text="training under a device's noise helps when tested under it, on their mean",
            differences_N=(measured.noisy_ND - measured.ideal_ND).mean(axis=1),
            margin=margin,
        ),
        *(
            Claim(
                text=(
                    "trained on the device, the quantum router is more accurate than the router "
                    f"{label(name)} without noise, on the mean of the devices"
                ),
                differences_N=measured.noisy_ND.mean(axis=1) - values_N,
                margin=margin,
            )
            for name, values_N in measured.controls.items()
        ),
    ]


def _picture(measured: Devices) -> FigureSpec:
    gains_ND = measured.noisy_ND - measured.exact_N[:, None]
    return FigureSpec(
        name="devices",
        caption=(
            "Held-out accuracy of the quantum router under the calibrations of devices, less that "
            "of the same seed without noise. Intervals: 95 %, bootstrap over seeds."
        ),
        draw=intervals(
            {
                name: dict(zip(measured.names, mean_estimates(values_ND), strict=True))
                for name, values_ND in (
                    ("trained without noise", measured.losses_ND),
                    ("trained on the device", gains_ND),
                )
            },
            label="difference of held-out accuracy",
            reference=0.0,
        ),
        size=(7.0, 1.6 + 0.34 * len(measured.names)),
    )
