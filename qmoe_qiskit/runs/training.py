"""From a request to a run: training, interruption, resuming."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qmoe_qiskit.data import Split
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.io.checked_json import dump_checked, load_checked
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.runs.request import TrainingRequest
from qmoe_qiskit.runs.store import folder
from qmoe_qiskit.runs.store.loading import Run
from qmoe_qiskit.runs.store.manifest import Role
from qmoe_qiskit.runs.store.writing import Figures, Outcome, Trained, write_run

if TYPE_CHECKING:
    from qmoe_qiskit.backends import Backend


@dataclass(frozen=True, kw_only=True)
class StoredRequest:
    """What request.json holds while a training is not complete.

    Attributes:
        request: All settings; a file's path starts at the folder.
        command: Command line that trains this.
        data_hash: See `Dataset.content_hash`.
    """

    request: TrainingRequest
    command: list[str]
    data_hash: str


def train_run(
    request: TrainingRequest,
    out: str | Path,
    *,
    force: bool = False,
    figures: Figures | None = None,
    verbose: bool = False,
) -> Run:
    """Train a model, and its control if one is asked for, and write the run.

    Args:
        request: What to train, on what.
        out: Folder for the run; made, with its parents.
        force: Replace a run that is there. It stays until the new one is complete.
        figures: Draws the run's figures; see `qmoe_qiskit.runs.Figures`.
        verbose: Show progress bars on a terminal.

    Raises:
        InputError: If data or settings are not accepted; nothing is written then.
        RunError: If the folder is in the way or cannot be written to.
        KeyboardInterrupt: Passed on; `resume_run` goes on from the last complete epoch.
    """
    out = Path(out)
    _check_unicode(request.data, out)
    folder.check_vacant(out, force=force)
    dataset, split = request.load()
    check_request(request, split)
    stored = StoredRequest(
        request=request.relative_to(out),
        command=request.command(out),
        data_hash=dataset.content_hash,
    )
    with _write_errors(out):
        with folder.claim(out, dump_checked(folder.REQUEST_KIND, asdict(stored))):
            trained = _train(request, split, out, verbose=verbose)
        outcome = Outcome(
            request=request, command=stored.command, dataset=dataset, split=split, models=trained
        )
        return write_run(outcome, out, figures=figures)


def resume_run(out: str | Path, *, figures: Figures | None = None, verbose: bool = False) -> Run:
    """Go on with a training that was interrupted; arguments as for `train_run`.

    The run is, but for the time that it took, that of a training that was never interrupted.

    Raises:
        RunError: If there is nothing to go on with, or the data are not those of the beginning.
        InputError: If the data cannot be loaded.
    """
    out = Path(out)
    stored = _read_stored(out)
    request = stored.request.resolved_from(out)
    dataset, split = request.load()
    if dataset.content_hash != stored.data_hash:
        raise RunError(
            f"the data {dataset.name!r} are not those that the training in {folder.quoted(out)} "
            "began with: restore them, or train anew with --force"
        )
    with _write_errors(out):
        trained = _train(request, split, out, verbose=verbose)
        outcome = Outcome(
            request=request, command=stored.command, dataset=dataset, split=split, models=trained
        )
        return write_run(outcome, out, figures=figures)


def read_request(out: str | Path) -> TrainingRequest:
    """Return what the interrupted training in a folder was asked to do.

    Raises:
        RunError: If there is none.
    """
    return _read_stored(Path(out)).request.resolved_from(Path(out))


def _read_stored(out: Path) -> StoredRequest:
    path = out / folder.REQUEST
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if folder.is_run(out):
            raise RunError(
                f"the run in {folder.quoted(out)} is complete: there is nothing to resume"
            ) from None
        raise RunError(
            f"there is no interrupted training in {folder.quoted(out)}: train without --resume"
        ) from None
    except (OSError, ValueError) as error:
        raise RunError(f"{folder.quoted(path)} cannot be read: {reason_of(error)}") from error
    return load_checked(data, folder.REQUEST_KIND, StoredRequest, folder.quoted(path))


def _check_unicode(*paths: str | Path) -> None:
    """Refuse names that no JSON document can hold."""
    for path in map(str, paths):
        try:
            path.encode()
        except UnicodeEncodeError:
            raise InputError(f"the path {path!r} is not valid Unicode: rename it") from None


def check_request(
    request: TrainingRequest, split: Split, *, backend: Backend | None = None
) -> None:
    """Refuse what training would notice late, or, having no use for it, not at all.

    Args:
        request: What is asked for.
        split: Its data.
        backend: Where the circuit must run too, instead of the request's own backend.

    Raises:
        InputError: If something is not accepted.
    """
    from sklearn.utils import check_X_y

    from qmoe_qiskit.train.classifier import DEFAULT_MAX_QUBITS
    from qmoe_qiskit.train.execution import open_for
    from qmoe_qiskit.train.model import build_router
    from qmoe_qiskit.train.settings import check_settings

    try:
        check_X_y(split.train.features_NF, split.train.labels_N)
    except ValueError as error:
        raise InputError(f"data {split.train.name!r} cannot be used: {error}") from error
    # As for a quantum router: a classical one would not notice that there is no such backend.
    settings = request.classifier("quantum").get_params(deep=False)
    check_settings({**settings, "router": request.router})
    backend = backend or open_for(
        request.backend,
        shots=request.shots,
        mitigation=request.mitigation,
        device_qubits=request.device_qubits,
        seed=request.seed,
    )
    if request.control == request.router:
        raise InputError(
            f"control {request.control!r} is the router itself: choose another one, or none"
        )
    n_features = split.train.features_NF.shape[1]
    for router in (request.router, request.control):
        if router is not None:
            build_router(
                router,
                min(n_features, request.n_qubits or DEFAULT_MAX_QUBITS),
                request.n_experts,
                n_layers=request.n_layers,
                rotation=request.rotation,
                reuploads=request.reuploads,
                entanglement=request.entanglement,
                readout=request.readout,
                backend=backend,
            )


def _train(request: TrainingRequest, split: Split, out: Path, *, verbose: bool) -> list[Trained]:
    """Train what is not trained yet; a model whose checkpoint is complete takes no time."""
    from qmoe_qiskit.train.checkpoint import load_checkpoint

    routers: dict[Role, str] = {"model": request.router}
    if request.control is not None:
        routers["control"] = request.control
    features_NF, labels_N = split.train.features_NF, split.train.labels_N
    trained = []
    for role, router in routers.items():
        checkpoint = out / folder.CHECKPOINTS[role]
        classifier = request.classifier(router, checkpoint=checkpoint, verbose=verbose)
        done = len(load_checkpoint(checkpoint).history) if checkpoint.exists() else 0
        started = time.perf_counter()
        if checkpoint.exists():
            classifier.resume(features_NF, labels_N)
        else:
            classifier.fit(features_NF, labels_N)
        trained.append(
            Trained(
                role=role,
                router=router,
                classifier=classifier,
                seconds=time.perf_counter() - started,
                resumed_after=done,
            )
        )
    return trained


@contextmanager
def _write_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # such as a disk that is full
        raise RunError(
            f"{folder.quoted(out)} cannot be written to any more ({reason_of(error)}): go on with "
            f"qmoe train --resume --out {shlex.quote(str(out))}"
        ) from error
