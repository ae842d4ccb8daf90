"""Federated training of one model on the rows of several clients."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from qmoe_qiskit.errors import InputError, RunError, require_positive, unknown_name
from qmoe_qiskit.federated.agreement import (
    agreed_bounds,
    agreed_classes,
    agreed_model,
    client_model,
    client_seeds,
    labelled,
)
from qmoe_qiskit.federated.checking import check_columns, check_numbers, proximal_factor
from qmoe_qiskit.federated.client import Client, ClientSettings, held_out
from qmoe_qiskit.federated.coordinator import FILE, Coordinator, Report, RoundSettings
from qmoe_qiskit.federated.engine import Engine, LocalEngine
from qmoe_qiskit.federated.results import FederatedRun
from qmoe_qiskit.federated.shared import NOTHING, check_share, shared_parameters, to_vector
from qmoe_qiskit.train.stored.state import model_state

if TYPE_CHECKING:
    from qmoe_qiskit.data.dataset import Dataset
    from qmoe_qiskit.federated.privacy import ClientPrivacy
    from qmoe_qiskit.train.classifier import QMoEClassifier
    from qmoe_qiskit.train.rows import TargetRows

ENGINES = ("local", "nvflare")


def federate(
    model: QMoEClassifier,
    parts: Sequence[Dataset],
    *,
    share: str = "all",
    method: str = "fedavg",
    rounds: int = 20,
    epochs: int = 1,
    drop: float = 0.0,
    min_clients: int | None = None,
    seed: int = 0,
    bounds: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    test: Dataset | None = None,
    test_fraction: float = 0.25,
    privacy: ClientPrivacy | None = None,
    engine: str = "local",
    out: str | Path | None = None,
    resume: bool = False,
    timeout_s: float = 600.0,
    report: Report = lambda _: None,
) -> FederatedRun:
    """Train a model on the rows of several clients, which share weights and no rows.

    In every round each client takes the shared weights, trains for some epochs on its own rows,
    and sends them back; their mean, weighted by numbers of rows, is shared next (McMahan et al.,
    arXiv:1602.05629). Other weights, and the state of the optimizer, stay with a client from round
    to round. Scaling, projection and classes are agreed before the first round: nothing is computed
    from rows of several clients. A client alone trains exactly as `QMoEClassifier.fit` does.

    Args:
        model: Settings of the model; it is not fitted itself. `max_epochs` has no effect.
        parts: Rows of the clients, see `partition`. They are called site-1, site-2 and so on.
        share: "all", "router" or "experts"; "none" for clients that each train alone, a control.
        method: "fedavg", or "fedprox:MU" with a pull to the shared weights of factor MU.
        rounds: Number of rounds.
        epochs: Number of passes of a client over its rows per round.
        drop: Probability that a client misses a round.
        min_clients: Fewest clients with which a round counts; by default 2, or 1 of 1.
        seed: Seed of initial weights, batches, held-out rows and missed rounds.
        bounds: One pair (low, high) for all features, or a pair for each, (F, 2); by default those
            of a built-in data set.
        classes: All labels; by default those that clients announce.
        test: Rows on which every client's model is measured as well.
        test_fraction: Share of its rows that a client holds out to measure its accuracy; 0 to
            measure it on the training rows.
        privacy: Differential privacy of clients, or None.
        engine: "local": all clients in this process. "nvflare": a process for each on this machine,
            reached over NVFlare's communication layer with certificates; needs the extra
            `federated`. Results are the same.
        out: Folder of checkpoints and models, or None.
        resume: Whether to go on in that folder; the result is that of an uninterrupted training,
            with shots another draw.
        timeout_s: How long "nvflare" waits for clients in a round, in seconds.
        report: Receives every `Round` when it is over.

    Raises:
        FederationError: If too few clients answer in a round, or one of them fails.
        InputError: If a value is not accepted, or an extra is not installed.
        RunError: If the folder holds another training, or cannot be written.

    >>> from qmoe_qiskit.data import load_dataset
    >>> from qmoe_qiskit.federated import partition
    >>> from qmoe_qiskit.train import QMoEClassifier
    >>> parts = partition(load_dataset("moons", n_samples=80), clients=2, how="dirichlet:0.5")
    >>> run = federate(QMoEClassifier("quadratic"), parts, share="router", rounds=3)
    >>> [len(one.clients) for one in run.rounds], sorted(run.models)
    ([2, 2, 2], ['site-1', 'site-2'])
    """
    mu = proximal_factor(method)
    n_clients = len(parts)
    check_numbers(
        n_clients,
        rounds=rounds,
        epochs=epochs,
        drop=drop,
        test_fraction=test_fraction,
        timeout_s=timeout_s,
    )
    needed = (
        min(2, n_clients) if min_clients is None else require_positive("min_clients", min_clients)
    )
    if needed > n_clients:
        raise InputError(f"min_clients is {needed}, and there are {n_clients} clients")
    if privacy is not None and check_share(share) == NOTHING:
        raise InputError("privacy protects what is shared, and share='none' shares nothing")
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    if engine == "nvflare":
        from qmoe_qiskit.federated.nvflare.cells import require_nvflare

        require_nvflare()
    epsilon = None if privacy is None else privacy.epsilon(rounds)
    check_columns(parts if test is None else [*parts, test])
    bounds_F2, classes_C = agreed_bounds(bounds, parts), agreed_classes(classes, parts)
    start = agreed_model(model, bounds_F2, classes_C, seed)
    shared = shared_parameters(start.module_, check_share(share))
    names = tuple(f"site-{index + 1}" for index in range(n_clients))
    told = [
        ClientSettings(
            name=name,
            seed=own_seed,
            share=share,
            proximal=mu,
            epochs=epochs,
            test_fraction=test_fraction,
        )
        for name, own_seed in zip(names, client_seeds(start, n_clients), strict=True)
    ]
    rows = [
        labelled(part, classes_C, f"{name} ({part.name})")
        for name, part in zip(names, parts, strict=True)
    ]
    common = None if test is None else labelled(test, classes_C, "the common test set")
    for one, mine in zip(told, rows, strict=True):
        held_out(len(mine.targets_N), one)  # too few rows are found before anything starts
    identity = {
        "settings": start.settings(),
        "bounds": bounds_F2.tolist(),
        "classes": classes_C.tolist(),
        "clients": [part.content_hash for part in parts],
        "test": None if test is None else test.content_hash,
        "training": [asdict(one) for one in told],
        "drop": float(drop),
        "seed": seed,
        "privacy": None if privacy is None else asdict(privacy),
    }
    folder = None if out is None else _prepared(Path(out), resume=resume)
    state = model_state(start)
    clients = [(one, client_model(state, one.seed), r) for one, r in zip(told, rows, strict=True)]
    with ExitStack() as stack:
        reached: Engine
        if engine == "nvflare":
            place = folder or Path(stack.enter_context(TemporaryDirectory()))
            reached = _processes(clients, common, place, timeout_s)
        else:
            reached = LocalEngine(
                [
                    Client(one, begun, mine, common, folder and _site_folder(folder, one.name))
                    for one, begun, mine in clients
                ]
            )
        coordinator = Coordinator(
            reached,
            RoundSettings(
                names=names,
                rounds=rounds,
                drop=drop,
                min_clients=needed,
                seed=seed,
                privacy=privacy,
            ),
            to_vector(shared),
            folder=folder,
            identity=identity,
            report=report,
        )
        if resume:
            coordinator.resume()
        with reached:
            n_rows = coordinator.run()
        return FederatedRun(
            share=share,
            method=method,
            seed=seed,
            rounds=tuple(coordinator.rounds),
            models=reached.models(),
            n_rows=n_rows,
            shared_V=coordinator.shared_V,
            epsilon=epsilon,
        )


def _processes(
    clients: Sequence[tuple[ClientSettings, QMoEClassifier, TargetRows]],
    common: TargetRows | None,
    folder: Path,
    timeout_s: float,
) -> Engine:
    """Write what the sites need, and return the engine that will start them."""
    from qmoe_qiskit.federated.nvflare.engine import NVFlareEngine
    from qmoe_qiskit.federated.nvflare.site_files import write_site

    sites = {one.name: _site_folder(folder, one.name) for one, _, _ in clients}
    for one, begun, mine in clients:
        write_site(sites[one.name], one, begun, mine, common)
    return NVFlareEngine(sites, timeout_s=timeout_s)


def _prepared(folder: Path, *, resume: bool) -> Path:
    if (folder / FILE).exists() and not resume:
        raise RunError(
            f"{str(folder)!r} holds a federated training: set resume=True to go on with it, or "
            "choose another folder"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"folder {str(folder)!r} cannot be made: {error.strerror}") from error
    return folder


def _site_folder(folder: Path, name: str) -> Path:
    site = folder / "sites" / name
    site.mkdir(parents=True, exist_ok=True)
    return site
