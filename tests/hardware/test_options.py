"""Runtime options: which ones are accepted, and what IBM's primitives receive."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.options import (
    DEFAULT_SHOTS,
    RuntimeOptions,
    read_options,
    runtime_options,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resilience_levl": 1}, "unknown option 'resilience_levl'.*resilience_level"),
        ({"twirling": {"enable_gate": True}}, "unknown option 'twirling.enable_gate'"),
        ({"token": "x"}, "unknown option 'token'"),
        ({"resilience_level": 3}, "resilience_level = 3"),
        ({"primitive": "guess"}, "primitive = 'guess'"),
        ({"precision": 0}, "precision = 0"),
        ({"precision": 1.5}, "precision = 1.5"),
        ({"spsa_directions": 0}, "spsa_directions = 0"),
        ({"spsa_step": -0.1}, "spsa_step = -0.1"),
        ({"repetition": -1}, "repetition = -1"),
        ({"dynamical_decoupling": {"sequence_type": "ZZ"}}, "dynamical_decoupling.sequence_type"),
        ({"resilience": {"pec_mitigation": True}}, "PEC and PEA"),
        ({"resilience": {"zne_mitigation": True, "zne": {"amplifier": "pea"}}}, "PEC and PEA"),
        ({"twirling": {"enable_measure": False}}, "TREX.*needs measurement twirling"),
        (
            {
                "resilience_level": 0,
                "resilience": {"measure_mitigation": True},
                "twirling": {"enable_measure": False},
            },
            "TREX.*needs measurement twirling",
        ),
        ({"primitive": "sampler", "resilience_level": 1}, "mitigation is the estimator's"),
        (
            {"primitive": "sampler", "resilience": {"measure_mitigation": True}},
            "mitigation is the estimator's",
        ),
    ],
    ids=str,
)
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        runtime_options(options)


def test_precision_is_a_number_of_shots() -> None:
    assert RuntimeOptions().shots(None) == DEFAULT_SHOTS
    assert RuntimeOptions().shots(100) == 100
    for precision in (0.5, 0.1, 0.03):
        shots = RuntimeOptions(precision=precision).shots(None)
        assert 1 / math.sqrt(shots) <= precision < 1 / math.sqrt(shots - 1)
    with pytest.raises(InputError, match=r"shots 100 and precision 0\.1"):
        RuntimeOptions(precision=0.1).shots(100)


def test_the_primitives_get_what_was_set_and_nothing_else() -> None:
    options = runtime_options(
        {
            "resilience_level": 2,
            "resilience": {"zne": {"noise_factors": [1, 3]}},
            "twirling": {"num_randomizations": 8},
            "dynamical_decoupling": {"enable": True},
            "execution": {"rep_delay": 2e-4},
        }
    )
    estimator = options.for_primitive(123)
    assert estimator.default_shots == 123
    assert estimator.resilience_level == 2
    assert list(estimator.resilience.zne.noise_factors) == [1, 3]
    assert estimator.twirling.num_randomizations == 8
    assert estimator.twirling.enable_gates is None  # left to the resilience level
    assert estimator.dynamical_decoupling.enable
    assert estimator.execution.rep_delay == 2e-4
    sampler = runtime_options(
        {"primitive": "sampler", "execution": {"init_qubits": False}}
    ).for_primitive(55)
    assert sampler.default_shots == 55
    assert not sampler.execution.init_qubits


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "options.toml"
    path.write_text('mode = "batch"\nresilience_level = 0\n[twirling]\nenable_gates = true\n')
    given = {"mode": "batch", "resilience_level": 0, "twirling": {"enable_gates": True}}
    assert read_options(path) == given
    assert runtime_options(read_options(path)) == runtime_options(given)
    path.write_text("mode = ")
    with pytest.raises(InputError, match="are not TOML"):
        read_options(path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_options(tmp_path / "none.toml")


SAME = [
    ({}, {"resilience_level": 1}),
    ({}, {"resilience": {"measure_mitigation": True}, "twirling": {"enable_gates": False}}),
    ({}, {"twirling": {"group": "pauli", "num_randomizations": "auto"}}),
    ({}, {"resilience": {"zne": {"extrapolator": ["exponential", "linear"]}}}),
    ({}, {"dynamical_decoupling": {}, "execution": {"init_qubits": True}}),
    ({}, {"precision": 0.1, "mode": "batch", "session_seconds": 5, "gradient": "spsa"}),
    ({"resilience_level": 2}, {"resilience_level": 2, "resilience": {"zne_mitigation": True}}),
    (
        {"resilience": {"zne_mitigation": True, "zne": {"noise_factors": [1, 3]}}},
        {"resilience": {"zne_mitigation": True, "zne": {"noise_factors": (1.0, 3.0)}}},
    ),
    (
        {"primitive": "sampler"},
        {"primitive": "sampler", "twirling": {"enable_gates": False, "enable_measure": False}},
    ),
]
OTHER: list[dict[str, Any]] = [
    {},
    {"resilience_level": 0},
    {"resilience_level": 2},
    {"primitive": "sampler"},
    {"repetition": 1},
    {"fractional_gates": True},
    {"resilience": {"measure_mitigation": False}},
    {"resilience": {"zne_mitigation": True}},
    {"resilience": {"zne_mitigation": True, "zne": {"noise_factors": [1, 3]}}},
    {"resilience": {"zne_mitigation": True, "zne": {"noise_factors": [1, 5]}}},
    {"resilience": {"measure_noise_learning": {"num_randomizations": 4}}},
    {"twirling": {"enable_gates": True}},
    {"dynamical_decoupling": {"enable": True}},
    {"execution": {"rep_delay": 1e-4}},
]


@pytest.mark.parametrize(("one", "another"), SAME, ids=str)
def test_equal_meaning_has_equal_keys(one: dict[str, Any], another: dict[str, Any]) -> None:
    decided = [runtime_options(options).key_settings(gradient=False) for options in (one, another)]
    assert decided[0] == decided[1]


def test_another_meaning_has_another_key() -> None:
    decided = [runtime_options(options).key_settings(gradient=False) for options in OTHER]
    assert all(one not in decided[:number] for number, one in enumerate(decided))


def test_what_decides_names_no_option_of_ibms_that_was_not_set() -> None:
    """Otherwise an option that IBM adds would change the key of work that was paid for."""
    own = {"primitive", "resilience_level", "fractional_gates", "repetition"}
    assert set(RuntimeOptions().key_settings(gradient=False)) == own
    gradient = {"gradient", "spsa_directions", "spsa_step"}
    assert set(RuntimeOptions().key_settings(gradient=True)) == own | gradient
    options = runtime_options({"resilience": {"zne": {"noise_factors": [1, 3]}}})
    decided = options.key_settings(gradient=False)
    assert decided["resilience"] == {"zne": {"noise_factors": [1.0, 3.0]}}
