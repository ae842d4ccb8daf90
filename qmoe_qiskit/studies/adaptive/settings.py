"""Settings of the study `adaptive`."""

from typing import Annotated

from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from qmoe_qiskit.adaptive import CONTROLS
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import list_profiles
from qmoe_qiskit.studies.engine.settings import StudySettings
from qmoe_qiskit.studies.training.setting_types import (
    RISING_FROM_0,
    Distinct,
    Margin,
    Scaling,
    Several,
    Share,
    one_of,
)

PARTS = ("data", "devices")
JUDGED = ("never", "detected")


def _quantum_among(routers: tuple[str, ...]) -> tuple[str, ...]:
    if "quantum" not in routers:
        raise InputError(f"the claims are about router 'quantum', got {', '.join(routers)}")
    return routers


def _judged_among(policies: tuple[str, ...]) -> tuple[str, ...]:
    if missing := [policy for policy in JUDGED if policy not in policies]:
        raise InputError(f"the claims need policy {missing[0]!r}, got {', '.join(policies)}")
    return policies


class AdaptiveSettings(StudySettings, title="adaptive"):
    """Settings of the study.

    Attributes:
        parts: Parts of the study that are run, of `PARTS`.
        routers: Routers whose mixtures meet the streams, "quantum" among them.
        controls: Learners of River beside them.
        policies: When a mixture learns, see `Stream`; "never" and "detected" among them.
        turns: Angles by which the points are turned around their middle at the change, in degrees,
            the first of which is 0: a stream without drift. At 180 the classes change places.
        detector: Detector of drifts with its parameter, see `Stream`.
        window: Number of rows that are kept for fits.
        n_train: Number of rows that are learned before the stream.
        n_stream: Number of rows of the stream; the change is in its middle.
        epochs: Number of passes over the rows of every fit.
        learning_rate: Learning rate of Adam in the trainings of streams.
        scaling: Scaling of the inputs, of streams and devices.
        n_layers: Number of layers of the quantum router.
        batch_size: Number of rows per step.
        device: Stored calibration of the device.
        factor: Factor on its noise.
        days: Days after the deployment on which the device is recalibrated.
        n_samples: Number of rows, training and held-out, of the part on devices.
        test_fraction: Share of these rows that is held out.
        device_epochs: Number of passes over the rows before the deployment.
        device_learning_rate: Learning rate of Adam of these trainings.
        retraining_epochs: Number of epochs of a retraining.
        probes: Number of probe rows of a plan.
        margin: Difference in accuracy below which differences do not matter.
    """

    parts: Several[Annotated[str, one_of("part", PARTS)]] = PARTS
    routers: Annotated[Several[str], AfterValidator(_quantum_among)] = (
        "quantum",
        "linear",
        "mlp:16",
    )
    controls: Distinct[Annotated[str, one_of("control", CONTROLS.names)]] = ("arf", "hoeffding")
    policies: Annotated[Several[str], AfterValidator(_judged_among)] = (
        "never",
        "online",
        "periodic:200",
        "detected",
    )
    turns: Annotated[tuple[NonNegativeFloat, ...], RISING_FROM_0] = (0.0, 90.0)
    detector: str = "adwin:0.002"
    window: PositiveInt = 200
    n_train: Annotated[int, Field(ge=40)] = 200
    n_stream: Annotated[int, Field(ge=80)] = 800
    epochs: PositiveInt = 40
    learning_rate: PositiveFloat = 0.1
    scaling: Scaling = "centred"
    n_layers: PositiveInt = 3
    batch_size: PositiveInt = 32
    device: Annotated[str, one_of("noise profile", list_profiles())] = "ibm_torino"
    factor: PositiveFloat = 5.0
    days: Annotated[Several[PositiveInt], Field(max_length=31)] = (1, 2)
    n_samples: Annotated[int, Field(ge=100)] = 500
    test_fraction: Share = 0.25
    device_epochs: PositiveInt = 20
    device_learning_rate: PositiveFloat = 0.05
    retraining_epochs: PositiveInt = 10
    probes: PositiveInt = 64
    margin: Annotated[Margin, Field(gt=0)] = 0.01
