"""Stored calibrations of devices: tasks, tables and claims."""

import numpy as np

from qmoe_qiskit.stats import Claim, mean_estimates
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.noise.results import (
    MEANS,
    NoiseResults,
    breakdown_table,
    stays_within,
)
from qmoe_qiskit.studies.noise.settings import NoiseSettings
from qmoe_qiskit.studies.noise.tasks import ShotsTask
from qmoe_qiskit.studies.report.figures import intervals
from qmoe_qiskit.studies.report.sections import StudySection
from qmoe_qiskit.studies.report.summary import Columns, FigureSpec, Table, rows_of, table_of_rows
from qmoe_qiskit.studies.training.circuit_execution import EXACT
from qmoe_qiskit.studies.training.paired_results import ACCURACY
from qmoe_qiskit.studies.training.routers import label
from qmoe_qiskit.studies.training.train_task import TrainTask
from qmoe_qiskit.typing import FloatArray


def tasks(settings: NoiseSettings, seed: int) -> list[Task]:
    """Return one training without noise, one under the noise of each device, and the controls."""
    return [
        _ideal(settings, seed),
        *(_under(settings, seed, device) for device in settings.all_devices),
        *(settings.control(seed, router) for router in settings.controls),
    ]


def _ideal(settings: NoiseSettings, seed: int) -> ShotsTask:
    """Return the training that is measured under the noise of every device, and with shots."""
    devices, factors = settings.all_devices, _noisy_factors(settings)
    places = [settings.scaled(factor, device) for device in devices for factor in factors]
    return ShotsTask(
        **settings.training(seed, settings=(EXACT, *places)),
        shots=settings.shots,
        sampled=tuple(settings.scaled(1.0, device) for device in devices),
    )


def _under(settings: NoiseSettings, seed: int, device: str) -> TrainTask:
    setting = settings.scaled(1.0, device)
    return settings.trained(seed, train_on=setting, settings=(setting,))


def _noisy_factors(settings: NoiseSettings) -> tuple[float, ...]:
    """Return the factors on the noise that models are measured under: 1 first, without 0."""
    return (1.0, *(factor for factor in settings.scales if factor not in {0.0, 1.0}))


class _Devices:
    """Held-out accuracies by seed, device and factor on its noise, (N, D, K).

    Attributes:
        settings: Settings of the study.
        names: Names of the devices.
        exact_N: Accuracies without noise.
        scaled_NDK: Accuracies of models trained without noise, tested under the noise of the device
            times each of `scales`.
        ideal_ND: The same under the noise of the device as it is stored.
        changes_ND: `ideal_ND` minus the accuracies without noise.
        flips_ND: Share of the rows that another expert serves under this noise.
        noisy_ND: Accuracies of models trained and tested under the noise of the device.
        by_shots: Accuracies of models trained without noise and shots, tested on the device, by
            number of shots; the first entry is "exact", without shots.
        controls: Accuracies of each classical router, (N,).
        source: What the numbers come from.
    """

    def __init__(self, settings: NoiseSettings, found: NoiseResults) -> None:
        seed, names, factors = found.seeds[0], settings.all_devices, _noisy_factors(settings)
        self.settings, self.names = settings, names
        ideal = _ideal(settings, seed)

        def on_devices(what: str) -> FloatArray:
            values = found.values(ideal, "settings", slice(1, None), what)
            return values.reshape(-1, len(names), len(factors))

        self.exact_N = found.values(ideal, *ACCURACY)
        by_factor = dict(zip(factors, np.moveaxis(on_devices("accuracy"), 2, 0), strict=True))
        by_factor[0.0] = np.repeat(self.exact_N[:, None], len(names), axis=1)
        self.scaled_NDK = np.stack([by_factor[factor] for factor in settings.scales], axis=2)
        self.ideal_ND = by_factor[1.0]
        self.changes_ND = self.ideal_ND - self.exact_N[:, None]
        self.flips_ND = on_devices("routing_flips")[:, :, 0]
        self.noisy_ND = found.columns([_under(settings, seed, name) for name in names], *ACCURACY)
        self.by_shots = {"exact": self.ideal_ND} | {
            f"{shots} shots": found.values(ideal, "shots", slice(len(names)), k, "accuracy")
            for k, shots in enumerate(settings.shots)
        }
        self.controls = found.controls(settings)
        self.source = found.source(
            f"a training without noise (noise-shots), {len(names)} on devices and "
            f"{len(self.controls)} of classical routers (train)"
        )


def n_claims(settings: NoiseSettings) -> int:
    """Return the number of claims."""
    return len(settings.all_devices) + 1 + len(settings.controls)


def summarize(settings: NoiseSettings, found: NoiseResults) -> StudySection:
    """Return tables, claims and a figure."""
    measured = _Devices(settings, found)
    return StudySection(
        tables=(_devices(measured), _factors(measured), _breakdown(measured), _shots(measured)),
        claims=tuple(_claims(measured)),
        figures=(_picture(measured),),
    )


def _devices(measured: _Devices) -> Table:
    noisy_ND, ideal_ND = measured.noisy_ND, measured.ideal_ND
    columns: Columns = {
        "device": measured.names,
        "accuracy, trained without noise": mean_estimates(ideal_ND),
        "less that without noise": mean_estimates(measured.changes_ND),
        "rows routed otherwise": mean_estimates(measured.flips_ND),
        "accuracy, trained on the device": mean_estimates(noisy_ND),
        "less trained without noise": mean_estimates(noisy_ND - ideal_ND),
        **{
            f"less {label(name)}": mean_estimates(noisy_ND - values_N[:, None])
            for name, values_N in measured.controls.items()
        },
    }
    return table_of_rows(
        rows_of(columns),
        name="devices",
        title="The quantum router under the calibrations of devices",
        note=(
            "Held-out rows, measured exactly under the device's calibration, readout errors "
            "included, on the qubits with the smallest expected error; the classical routers have "
            f"no noise. {MEANS}, differences paired by seed."
        ),
        source=measured.source,
    )


def _factors(measured: _Devices) -> Table:
    columns: Columns = {
        "device": measured.names,
        **{
            f"times {factor:g}": mean_estimates(measured.scaled_NDK[:, :, k])
            for k, factor in enumerate(measured.settings.scales)
        },
    }
    return table_of_rows(
        rows_of(columns),
        name="devices_factors",
        title="Every device's noise times a factor: accuracy, trained without noise",
        note=(
            "Held-out rows, measured exactly under the scaled calibration. The factor multiplies "
            "the depolarizing probability of each gate, 1/T1, 1/T2 and the readout errors; times 0 "
            f"is without noise. {MEANS}."
        ),
        source=measured.source,
    )


def _breakdown(measured: _Devices) -> Table:
    by_device = np.moveaxis(measured.scaled_NDK, 1, 0)
    return breakdown_table(
        measured.settings,
        measured.settings.scales,
        dict(zip(measured.names, by_device, strict=True)),
        measured.controls,
        name="devices_breakdown",
        title=(
            "Breakdown point: the smallest factor on a device's noise at which the quantum router, "
            "trained without noise,"
        ),
        source=measured.source,
        transposed="device",
    )


def _shots(measured: _Devices) -> Table:
    columns: Columns = {
        "device": measured.names,
        **{name: mean_estimates(values_ND) for name, values_ND in measured.by_shots.items()},
    }
    return table_of_rows(
        rows_of(columns),
        name="devices_shots",
        title="The calibrations as they are, with a limited number of shots",
        note=f"Held-out accuracy, trained without noise and shots. {MEANS}.",
        source=measured.source,
    )


def _claims(measured: _Devices) -> list[Claim]:
    margin = measured.settings.margin
    mean_N = measured.noisy_ND.mean(axis=1)
    return [
        *(
            stays_within(
                margin, "trained without noise, ", f"accuracy without noise, on {device}", changes_N
            )
            for device, changes_N in zip(measured.names, measured.changes_ND.T, strict=True)
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
                differences_N=mean_N - values_N,
                margin=margin,
            )
            for name, values_N in measured.controls.items()
        ),
    ]


def _picture(measured: _Devices) -> FigureSpec:
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
                    ("trained without noise", measured.changes_ND),
                    ("trained on the device", gains_ND),
                )
            },
            label="difference of held-out accuracy",
            reference=0.0,
        ),
        size=(7.0, 1.6 + 0.34 * len(measured.names)),
    )
