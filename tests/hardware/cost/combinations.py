"""Combinations of the options of IBM's primitives."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np


def combinations() -> Iterator[dict[str, Any]]:
    """All combinations of the options that change what is executed."""
    twirlings: list[dict[str, Any]] = [
        {},
        {"enable_gates": True, "strategy": "all"},
        {"enable_measure": True, "num_randomizations": 5},
        {"enable_measure": False, "shots_per_randomization": 7, "group": "local_c1"},
        {"enable_gates": False, "num_randomizations": 3, "shots_per_randomization": 10},
        {"enable_gates": True, "enable_measure": True, "strategy": "active-circuit"},
    ]
    resiliences: list[dict[str, Any]] = [
        {},
        {"measure_mitigation": False},
        {"measure_mitigation": True, "measure_noise_learning": {"num_randomizations": 9}},
        {"zne_mitigation": False},
        {"zne_mitigation": True, "zne": {"noise_factors": (1, 1.5, 2, 3)}},
        {"zne": {"noise_factors": (1, 3), "amplifier": "gate_folding_back"}},
    ]
    decouplings: list[dict[str, Any]] = [{}, {"enable": True, "sequence_type": "XY4"}]
    for twirling, decoupling in itertools.product(twirlings, decouplings):
        shared = {"twirling": twirling, "dynamical_decoupling": decoupling}
        yield {"primitive": "sampler", **shared}
        for level, resilience in itertools.product((0, 1, 2), resiliences):
            if twirling.get("enable_measure") is False and mitigates_readout(level, resilience):
                continue  # refused, see test_options.py
            yield {"resilience_level": level, "resilience": resilience, **shared}


def chosen(rng: np.random.Generator, *, whole: bool) -> list[dict[str, Any]]:
    """Return all combinations in order, or a sample of a twentieth."""
    every = list(combinations())
    return every if whole else [every[i] for i in rng.choice(len(every), len(every) // 20)]


def mitigates_readout(level: int, resilience: dict[str, Any]) -> bool:
    """Whether the primitives mitigate readout errors."""
    return bool(resilience.get("measure_mitigation", level > 0))
