"""Federated training in one process, against NumPy, torch, and training on all rows."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qmoe_qiskit.data import Dataset, load_dataset
from qmoe_qiskit.errors import FederationError, InputError, RunError
from qmoe_qiskit.federated import ClientPrivacy, FederatedRun, Round, federate, partition
from qmoe_qiskit.federated import coordinator as coordinating
from qmoe_qiskit.federated.shared import shared_parameters
from qmoe_qiskit.train import QMoEClassifier


@pytest.fixture(scope="module")
def moons() -> Dataset:
    return load_dataset("moons", n_samples=120, seed=1)


@pytest.fixture(scope="module")
def parts(moons: Dataset) -> tuple[Dataset, ...]:
    return partition(moons, 3, "dirichlet:0.6", seed=2)


def weights(model: QMoEClassifier) -> np.ndarray:
    return np.concatenate([p.detach().numpy().ravel() for p in model.module_.parameters()])


def assert_same(one: FederatedRun, other: FederatedRun) -> None:
    assert one.rounds == other.rounds
    np.testing.assert_array_equal(one.shared_V, other.shared_V)
    for name, model in one.models.items():
        np.testing.assert_array_equal(weights(model), weights(other.models[name]))


@pytest.mark.parametrize("router", ["quantum", "mlp:3"])
def test_one_client_is_central_training(moons: Dataset, router: str) -> None:
    """Bit for bit, over rounds, with the state of the optimizer."""
    bounds_F2 = np.column_stack((moons.features_NF.min(axis=0), moons.features_NF.max(axis=0)))
    model = QMoEClassifier(router, n_layers=1, verbose=False)
    run = federate(model, [moons], rounds=2, epochs=2, bounds=bounds_F2, test_fraction=0, seed=5)
    central = QMoEClassifier(router, n_layers=1, verbose=False, max_epochs=4, random_state=5)
    central.fit(moons.features_NF, moons.labels_N)
    np.testing.assert_array_equal(weights(run.models["site-1"]), weights(central))
    assert run.rounds[-1].own["site-1"] == central.score(moons.features_NF, moons.labels_N)
    assert run.models["site-1"].history_ == central.history_


@pytest.mark.parametrize(("share", "part"), [("all", ""), ("router", "router."), ("experts", "ex")])
def test_shared_weights_are_the_mean_by_rows(
    parts: tuple[Dataset, ...], share: str, part: str
) -> None:
    """Clients that each train alone give the weights that NumPy averages."""
    model = QMoEClassifier("mlp:2")
    alone = federate(model, parts, rounds=1, share="none")
    run = federate(model, parts, rounds=1, share=share)
    rows = [alone.n_rows[name] for name in alone.models]
    assert rows == [len(one.labels_N) - max(1, round(len(one.labels_N) / 4)) for one in parts]
    names = [n for n, _ in alone.models["site-1"].module_.named_parameters() if n.startswith(part)]
    trained_KV = [
        np.concatenate([m.module_.get_parameter(n).detach().numpy().ravel() for n in names])
        for m in alone.models.values()
    ]
    mean_V = np.average(trained_KV, axis=0, weights=rows)
    np.testing.assert_allclose(run.shared_V, mean_V, rtol=0, atol=1e-15)
    for name, one in run.models.items():
        for weight, value in one.module_.named_parameters():
            if not weight.startswith(part):  # what is not shared stays with the client
                other = alone.models[name].module_.get_parameter(weight)
                assert torch.equal(value, other)


def test_fedprox_is_a_loop_of_torch(moons: Dataset) -> None:
    """SGD on the loss and the proximal term, batches included, written out."""
    settings: dict[str, Any] = {"optimizer": "SGD", "batch_size": 40, "learning_rate": 0.3}
    model = QMoEClassifier("linear", **settings)
    run = federate(model, [moons], rounds=2, method="fedprox:0.7", test_fraction=0, seed=4)
    start = federate(model, [moons], rounds=1, test_fraction=0, seed=4).models["site-1"]
    start.rebuild(seed := QMoEClassifier(random_state=4).draw_seed())
    x_NF = torch.from_numpy(start.feature_map_.scale(moons.features_NF))
    y_N = torch.from_numpy(moons.labels_N)
    for epoch in range(2):
        anchors = [p.detach().clone() for p in start.module_.parameters()]
        order = np.random.default_rng([seed, epoch]).permutation(120)
        for batch in order.reshape(3, 40):
            loss = torch.nn.functional.cross_entropy(start.module_(x_NF[batch]), y_N[batch])
            pull = sum(
                ((p - a) ** 2).sum()
                for p, a in zip(start.module_.parameters(), anchors, strict=True)
            )
            for p, gradient in zip(
                start.module_.parameters(),
                torch.autograd.grad(loss + 0.35 * pull, list(start.module_.parameters())),
                strict=True,
            ):
                p.data -= 0.3 * gradient
    np.testing.assert_allclose(weights(run.models["site-1"]), weights(start), atol=1e-14)


def test_nothing_follows_from_rows_of_others(parts: tuple[Dataset, ...], rng: Any) -> None:
    """Rows of another client, changed within the bounds, change nothing that a client computes."""
    other = Dataset(
        **{
            **vars(parts[2]),
            "features_NF": rng.uniform(-0.5, 1.0, parts[2].features_NF.shape),
            "name": "moons",
        }
    )
    settings: dict[str, Any] = {"rounds": 2, "share": "none", "seed": 3}
    before = federate(QMoEClassifier("linear"), parts, **settings)
    after = federate(QMoEClassifier("linear"), [*parts[:2], other], **settings)
    for name in ("site-1", "site-2"):
        one, two = before.models[name], after.models[name]
        for array in ("minimum_F", "maximum_F", "matrix_FK", "offset_K"):
            np.testing.assert_array_equal(
                getattr(one.feature_map_, array), getattr(two.feature_map_, array)
            )
        np.testing.assert_array_equal(weights(one), weights(two))
    assert not np.array_equal(weights(before.models["site-3"]), weights(after.models["site-3"]))


def test_projection_needs_no_rows() -> None:
    digits = load_dataset("digits", n_samples=60)
    run = federate(QMoEClassifier("linear", n_qubits=3), partition(digits, 2), rounds=1, seed=9)
    features = run.models["site-2"].feature_map_
    np.testing.assert_allclose(features.matrix_FK.T @ features.matrix_FK, np.eye(3), atol=1e-14)
    middle_F = np.full((1, 16), np.pi / 2)
    np.testing.assert_allclose(
        middle_F @ features.matrix_FK + features.offset_K, np.full((1, 3), np.pi / 2)
    )
    assert (features.minimum_F == 0).all()
    assert (features.maximum_F == 16).all()


def test_accuracies_are_those_of_the_models(parts: tuple[Dataset, ...], moons: Dataset) -> None:
    run = federate(
        QMoEClassifier("quadratic"), parts, rounds=3, share="router", test=moons, test_fraction=0
    )
    for (name, model), part in zip(run.models.items(), parts, strict=True):
        with warnings.catch_warnings(action="ignore"):  # some rows lie outside the bounds
            assert run.rounds[-1].own[name] == model.score(part.features_NF, part.labels_N)
            assert run.rounds[-1].common[name] == model.score(moons.features_NF, moons.labels_N)
    assert run.own_R.shape == run.common_R.shape == (3,)
    assert run.rounds_to(run.own_R[1]) in {1, 2}
    assert run.rounds_to(1.1) is None


def test_bytes_are_those_of_what_is_shared() -> None:
    """digits10: 16 features, 10 classes, 2 experts; a quantum router of 6 qubits and 3 layers."""
    rows = load_dataset("digits10", n_samples=40)
    parts = partition(rows, 2)
    sizes = {}
    for share in ("all", "router"):
        one = federate(QMoEClassifier(), parts, rounds=1, share=share).rounds[0]
        sizes[share] = max(one.bytes_sent, one.bytes_received)
    weights_of_router, weights_of_experts = 6 * 3 * 3 + 6 * 2 + 2, 2 * (16 * 10 + 10)
    for share, count in (("router", 0), ("all", weights_of_experts)):
        plain = 8 * (weights_of_router + count)
        assert plain < sizes[share] < plain + 150


def test_dropped_clients_are_named(parts: tuple[Dataset, ...]) -> None:
    run = federate(QMoEClassifier("linear"), parts, rounds=6, drop=0.3, min_clients=1, seed=3)
    missing = [set(one.missing) for one in run.rounds]
    assert any(missing)
    for one in run.rounds:
        assert set(one.clients) | set(one.missing) == {"site-1", "site-2", "site-3"}
        assert not set(one.clients) & set(one.missing)
    with pytest.raises(FederationError, match=r"round \d: [01] of 3 .* dropped by chance"):
        federate(QMoEClassifier("linear"), parts, rounds=40, drop=0.7, seed=3)


def test_resumed(parts: tuple[Dataset, ...], tmp_path: Path) -> None:
    settings: dict[str, Any] = {"share": "router", "drop": 0.2, "min_clients": 1, "seed": 6}
    model = QMoEClassifier("quadratic")
    whole = federate(model, parts, rounds=4, **settings)
    federate(model, parts, rounds=2, out=tmp_path, **settings)
    resumed = federate(model, parts, rounds=4, out=tmp_path, resume=True, **settings)
    assert_same(resumed, whole)
    stored = QMoEClassifier.load(tmp_path / "sites" / "site-2" / "model.safetensors")
    np.testing.assert_array_equal(weights(stored), weights(whole.models["site-2"]))
    assert_same(federate(model, parts, rounds=4, out=tmp_path, resume=True, **settings), whole)


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("stop_at", [1, 3])
def test_resumed_after_a_stop(
    *,
    parts: tuple[Dataset, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_at: int,
    place: str,
) -> None:
    """Stopped before or after the coordinator has stored a round that the clients have stored."""
    settings: dict[str, Any] = {"rounds": 4, "share": "experts", "seed": 6}
    model = QMoEClassifier("linear")

    def report(one: Round) -> None:
        if place == "after" and one.number == stop_at:
            raise KeyboardInterrupt

    if place == "before":
        write, calls = coordinating.write_tensors, []

        def stop(*arguments: Any) -> None:
            calls.append(1)
            if len(calls) == stop_at:
                raise KeyboardInterrupt
            write(*arguments)

        monkeypatch.setattr(coordinating, "write_tensors", stop)
    with pytest.raises(KeyboardInterrupt):
        federate(model, parts, out=tmp_path, report=report, **settings)
    monkeypatch.undo()
    resumed = federate(model, parts, out=tmp_path, resume=True, **settings)
    assert_same(resumed, federate(model, parts, **settings))


def test_folder_of_another_training(parts: tuple[Dataset, ...], tmp_path: Path) -> None:
    model = QMoEClassifier("linear")
    federate(model, parts, rounds=2, out=tmp_path)
    with pytest.raises(RunError, match="holds a federated training"):
        federate(model, parts, rounds=2, out=tmp_path)
    with pytest.raises(RunError, match="made with other training"):
        federate(model, parts, rounds=3, epochs=2, out=tmp_path, resume=True)
    with pytest.raises(RunError, match="made with other clients"):
        federate(model, parts[::-1], rounds=3, out=tmp_path, resume=True)
    with pytest.raises(RunError, match="from after round 2, rounds is 1"):
        federate(model, parts, rounds=1, out=tmp_path, resume=True)
    file = tmp_path / "federation.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(RunError, match="is damaged"):
        federate(model, parts, rounds=3, out=tmp_path, resume=True)


def test_a_failure_names_the_client(parts: tuple[Dataset, ...]) -> None:
    with pytest.raises(FederationError, match=r"site-1 stopped in round [12]: training diverged"):
        federate(QMoEClassifier("linear", learning_rate=1e308, batch_size=100), parts)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"share": "gate"}, "unknown share 'gate': known are all, experts, none, router"),
        ({"method": "fedsgd"}, "unknown method 'fedsgd'"),
        ({"method": "fedprox:0"}, "MU of method fedprox:MU must be a positive number"),
        ({"method": "fedprox"}, "unknown method 'fedprox'"),
        ({"rounds": 0}, "rounds must be a whole number of at least 1"),
        ({"drop": 1}, "drop must be at least 0 and below 1, got 1"),
        ({"test_fraction": 0.999}, "too few to hold out a share of 0.999"),
        ({"min_clients": 4}, "min_clients is 4, and there are 3 clients"),
        ({"bounds": (1, 1)}, "low < high"),
        ({"bounds": [(0, 1)] * 3}, "one for each of 2 features"),
        ({"bounds": "a"}, "low < high"),
        ({"classes": [0, 5]}, "has the label 1, which was not declared: the classes are [0, 5]"),
        ({"classes": [0]}, "at least two classes"),
        ({"engine": "flower"}, "known are local, nvflare"),
        ({"timeout_s": 0}, "timeout_s must be a positive number"),
        ({"seed": -1}, "random_state must be"),
    ],
)
def test_refused(parts: tuple[Dataset, ...], settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        federate(QMoEClassifier("linear"), parts, **{"rounds": 1, **settings})


def test_other_refusals(parts: tuple[Dataset, ...]) -> None:
    with pytest.raises(InputError, match="early_stopping=True has no place"):
        federate(QMoEClassifier("linear", early_stopping=True), parts)
    with pytest.raises(InputError, match="at least one client"):
        federate(QMoEClassifier("linear"), [])
    with pytest.raises(InputError, match="would take jobs for every step"):
        federate(QMoEClassifier(backend="runtime:fake_torino"), parts)
    mine = Dataset(**{**vars(parts[0]), "name": "mine"})
    with pytest.raises(InputError, match="bounds of the features of 'mine' are needed"):
        federate(QMoEClassifier("linear"), [mine, mine])
    other = Dataset(**{**vars(parts[0]), "feature_names": ("a", "b")})
    with pytest.raises(InputError, match="need the same columns"):
        federate(QMoEClassifier("linear"), [mine, other], bounds=(-2, 3))
    empty = parts[0].take(np.array([], dtype=np.int64), "nothing")
    with pytest.raises(InputError, match=r"site-2 \(moons\) has no rows"):
        federate(QMoEClassifier("linear"), [parts[0], empty])
    fixed = federate(QMoEClassifier("linear"), parts, rounds=1).models["site-1"].module_
    fixed.router.requires_grad_(False)
    with pytest.raises(InputError, match="share='router', but the model has no such weights"):
        shared_parameters(fixed, "router")


def test_privacy_of_clients(parts: tuple[Dataset, ...]) -> None:
    """Without noise to speak of, the change is the sum of clipped ones; and it is counted."""
    model = QMoEClassifier("linear")
    start = federate(model, parts, rounds=1, share="none").models["site-1"]
    start.rebuild(QMoEClassifier(random_state=0).draw_seed())
    alone = federate(model, parts, rounds=1, share="none")
    changes_KV = [weights(one) - weights(start) for one in alone.models.values()]
    privacy = ClientPrivacy(noise_multiplier=1e-9, max_norm=0.01, noise_seed=1)
    run = federate(model, parts, rounds=1, privacy=privacy)
    clipped_KV = [0.01 * c / np.linalg.norm(c) for c in changes_KV]
    assert min(np.linalg.norm(c) for c in changes_KV) > 0.01
    expected_V = weights(start) + np.mean(clipped_KV, axis=0)
    np.testing.assert_allclose(run.shared_V, expected_V, atol=1e-9)
    assert run.epsilon == privacy.epsilon(1)


def test_clients_are_sampled(parts: tuple[Dataset, ...]) -> None:
    """Who takes part is drawn; who does not is not missing, even if nobody takes part."""
    privacy = ClientPrivacy(noise_multiplier=1.0, max_norm=0.1, sample_rate=0.2, noise_seed=2)
    settings: dict[str, Any] = {"rounds": 12, "privacy": privacy, "min_clients": 3}
    run = federate(QMoEClassifier("linear"), parts, **settings)
    counts = [len(one.clients) for one in run.rounds]
    assert min(counts) == 0
    assert max(counts) > 0
    assert not any(one.missing for one in run.rounds)
    again = federate(QMoEClassifier("linear"), parts, **settings)
    np.testing.assert_array_equal(run.shared_V, again.shared_V)
    unseeded = ClientPrivacy(noise_multiplier=1.0, max_norm=0.1, sample_rate=0.2)
    other = federate(QMoEClassifier("linear"), parts, rounds=1, privacy=unseeded)
    assert np.abs(other.shared_V - run.shared_V).min() > 0


def test_epsilon_of_clients() -> None:
    """Opacus' accountant, an independent program, from the same moments."""
    from opacus.accountants.analysis import rdp

    privacy = ClientPrivacy(noise_multiplier=1.1, max_norm=1.0, sample_rate=0.25)
    orders = list(range(2, 257))
    spent = rdp.compute_rdp(q=0.25, noise_multiplier=1.1, steps=20, orders=orders)
    epsilon, _ = rdp.get_privacy_spent(orders=orders, rdp=spent, delta=1e-5)
    assert privacy.epsilon(20) == pytest.approx(epsilon, rel=1e-9)
    assert privacy.epsilon(40) > privacy.epsilon(20)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"noise_multiplier": 0}, "noise_multiplier must be a positive number, got 0"),
        ({"max_norm": float("nan")}, "max_norm must be a positive number, got nan"),
        ({"sample_rate": 1.5}, "sample_rate must be above 0 and at most 1, got 1.5"),
        ({"delta": 1}, "delta must be above 0 and below 1, got 1"),
    ],
)
def test_privacy_refused(values: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ClientPrivacy(**{"noise_multiplier": 1.0, "max_norm": 1.0, **values})  # type: ignore[arg-type]
