"""Training a run: from a request to a run folder, and on after an interruption."""

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from qmoe_qiskit import limits
from qmoe_qiskit.data import Split
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.io.checked_json import dump_checked, load_checked
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.io.regular_files import read_regular
from qmoe_qiskit.runs.command_line import training_command
from qmoe_qiskit.runs.request import TrainingRequest
from qmoe_qiskit.runs.store import folder
from qmoe_qiskit.runs.store.loading import Run, load_run
from qmoe_qiskit.runs.store.manifest import shown_router
from qmoe_qiskit.runs.store.writing import CompletedTraining, Figures, ModelTraining, write_run
from qmoe_qiskit.train.estimator import MixtureEstimator


@dataclass(frozen=True, kw_only=True)
class StoredRequest:
    """Content of request.json while a training is not complete.

    Attributes:
        request: All settings; paths of files start at the folder.
        command: Command line that trains this request.
        data_hash: Hash of the data, see `Dataset.content_hash`.
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
    """Train a model, and the controls that the request names, and write the run.

    Args:
        request: What to train, on which data.
        out: Folder for the run; it is made, with its parents.
        force: Whether to replace an existing run, which stays until the new one is complete.
        figures: Function that draws the run's figures; see `qmoe_qiskit.runs.Figures`.
        verbose: Whether to show progress bars on a terminal and in a notebook.

    Raises:
        InputError: If data or settings are not accepted; nothing is written then.
        RunError: If the folder is in use or cannot be written to.
        KeyboardInterrupt: Passed on; `resume_run` goes on from the last complete epoch.
    """
    out = Path(out)
    check_unicode(request.data, out)
    folder.check_vacant(out, force=force)
    dataset, split = request.load()
    planned = plan_training(request, split, out, verbose=verbose)
    stored = StoredRequest(
        request=request.relative_to(out),
        command=training_command(request, out),
        data_hash=dataset.content_hash,
    )
    with _write_errors(out):
        with folder.claim(out, dump_checked(folder.REQUEST_KIND, asdict(stored))):
            models = [training.run() for training in planned]
        trained = CompletedTraining(
            request=request, command=stored.command, dataset=dataset, split=split, models=models
        )
        return write_run(trained, out, figures=figures)


def resume_run(out: str | Path, *, figures: Figures | None = None, verbose: bool = False) -> Run:
    """Resume an interrupted training; arguments as for `train_run`.

    The run equals that of a training that was never interrupted, except for the training time.

    Raises:
        RunError: If there is no interrupted training, or its data have changed.
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
        planned = plan_training(request, split, out, verbose=verbose, resume=True)
        trained = CompletedTraining(
            request=request,
            command=stored.command,
            dataset=dataset,
            split=split,
            models=[training.run() for training in planned],
        )
        return write_run(trained, out, figures=figures)


def plan_training(
    request: TrainingRequest,
    split: Split,
    out: Path,
    *,
    verbose: bool = False,
    resume: bool = False,
) -> list[ModelTraining]:
    """Validate a request, unused options included, and prepare its trainings; nothing is written.

    With `resume` they go on from the checkpoints in the folder of the run.

    Raises:
        InputError: If something is not accepted.
        RunError: If a checkpoint cannot be used.
    """
    routers = (request.router, *request.controls)
    if not any(map(request.is_circuit, routers)):
        request.backend_spec.open(seed=request.seed)  # a classical router would not notice it
    from qmoe_qiskit.train.fit import Fit

    planned = []
    for index, router in enumerate(routers):
        checkpoint, started = out / folder.CHECKPOINTS[index], time.perf_counter()
        classifier = request.estimator(router, checkpoint=checkpoint, verbose=verbose)
        if request.init is not None and request.is_circuit(router):
            classifier = _begun_with(request.init, classifier)
        goes_on = resume and checkpoint.exists()
        prepare = Fit.resumed if goes_on else Fit
        try:
            fit = prepare(classifier, split.train.features_NF, split.train.labels_N)
        except InputError:
            raise
        except ValueError as error:  # scikit-learn refuses the data
            raise InputError(f"data {split.train.name!r} cannot be used: {error}") from error
        seconds = time.perf_counter() - started
        name = shown_router(classifier.settings()["router"])
        planned.append(ModelTraining(index=index, router=name, fit=fit, seconds=seconds))
    return planned


def _begun_with(path: str, classifier: MixtureEstimator) -> MixtureEstimator:
    """Return the model of a run, with the settings of a classifier, to go on with."""
    settings = classifier.get_params()
    model: MixtureEstimator = load_run(path).classifier
    if model.task is not classifier.task:
        raise InputError(
            f"the run in {path!r} is of {model.task.name}: name one of {classifier.task.name}"
        )
    if isinstance(settings["router"], str) != isinstance(model.router, str):
        raise InputError(f"the run in {path!r} has another router: name the router that it has")
    if not isinstance(model.router, str):
        settings.pop("router")
    return model.set_params(**{**settings, "warm_start": True})


def read_request(out: str | Path) -> TrainingRequest:
    """Return the request of the interrupted training in a folder.

    Raises:
        RunError: If the folder holds none.
    """
    return _read_stored(Path(out)).request.resolved_from(Path(out))


def _read_stored(out: Path) -> StoredRequest:
    path = out / folder.REQUEST
    try:
        data = read_regular(path, limits.FACTS_BYTES)
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


def check_unicode(*paths: str | Path) -> None:
    """Refuse paths that no JSON document can hold.

    Raises:
        InputError: If there is one.
    """
    for path in map(str, paths):
        try:
            path.encode()
        except UnicodeEncodeError:
            raise InputError(f"the path {path!r} is not valid Unicode: rename it") from None


@contextmanager
def _write_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # such as a disk that is full
        raise RunError(
            f"{folder.quoted(out)} cannot be written to any more ({reason_of(error)}): go on with "
            f"qmoe train --resume --out {shlex.quote(str(out))}"
        ) from error
