"""The table of drift detectors, which watch whether predictions are right; River implements them.

A name is the detector and its one parameter, such as "adwin:0.002".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qmoe_qiskit.adaptive.river_extra import river
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.registry import Entry, Registry


@dataclass(frozen=True, kw_only=True)
class Detector(Entry):
    """A kind of drift detector.

    Attributes:
        name: The name that a user gives before the colon.
        make: Function that makes the detector of River from its parameter.
        default: The parameter of a name without one.
        at_most: The largest parameter that is accepted.
    """

    make: Callable[[float], Any]
    default: float
    at_most: float


DETECTORS = Registry(
    "detector",
    [
        Detector(
            name="adwin",
            help="adaptive windowing (A. Bifet & R. Gavalda, 2007), with its delta",
            make=lambda delta: river("drift").ADWIN(delta=delta),
            default=0.002,
            at_most=1.0,
        ),
        Detector(
            name="page-hinkley",
            help="the test of Page and Hinkley, with its threshold",
            make=lambda threshold: river("drift").PageHinkley(threshold=threshold),
            default=50.0,
            at_most=1e6,
        ),
        Detector(
            name="ddm",
            help="drift detection method (J. Gama et al., 2004), with its threshold in deviations",
            make=lambda threshold: river("drift").binary.DDM(drift_threshold=threshold),
            default=3.0,
            at_most=100.0,
        ),
    ],
)


def make_detector(name: str) -> Any:  # noqa: ANN401 - River's detectors share no typed base
    """Return a new detector of River.

    Raises:
        InputError: If the name or its parameter is not accepted, or the extra is not installed.

    >>> make_detector("adwin:0.01").delta
    0.01
    """
    kind, colon, text = name.partition(":")
    entry = DETECTORS.get(kind)
    try:
        parameter = float(text) if colon else entry.default
    except ValueError:
        parameter = math.nan
    if not 0 < parameter <= entry.at_most:
        raise InputError(
            f"detector {name!r} needs a number above 0 and at most {entry.at_most:g} after the "
            f"colon, such as '{kind}:{entry.default:g}'"
        )
    return entry.make(parameter)
