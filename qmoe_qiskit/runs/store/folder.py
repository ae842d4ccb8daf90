"""The folder of a run: which folders may be used, and how files get into place.

While a model is trained the folder holds a request and checkpoints. The complete run is put
together in a hidden folder inside, and moved into place file by file, the manifest last: a folder
without a manifest is not a run, and a run that is replaced stays whole until then.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError, QMoEError, RunError
from qmoe_qiskit.io.atomic import remove_parts, write_atomically
from qmoe_qiskit.io.checked_json import has_kind
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.io.regular_files import read_regular
from qmoe_qiskit.runs.store import manifest

MANIFEST = "manifest.json"
METRICS = "metrics.json"
HISTORY = "history.json"
WEIGHTS = "model.safetensors"
CIRCUIT = "router.qpy"
PROFILE = "profile.json"
# What a training on a device has measured of its circuit.
SURROGATE = "surrogate.safetensors"
# The rows that a model is measured on, where they come from no file.
ROWS = "rows.npz"
FIGURES = "figures"
# Folders of the controls, below that of the run, in their order.
CONTROLS = ("control", *(f"control_{n}" for n in range(2, limits.CONTROLS + 1)))

REQUEST = "request.json"
REQUEST_KIND = "qmoe-training-request"
# Checkpoints of the model, and then of the controls.
CHECKPOINTS = tuple(
    f"checkpoint{name.replace('_', '-')}.safetensors"
    for name in ("", *(f"-{control}" for control in CONTROLS))
)

_STAGING = ".part"
# Every name that a file of a run can have; no other file is ever read or removed.
_OWN_FILE = re.compile(
    rf"(({'|'.join(CONTROLS)})/)?({FIGURES}/[a-z0-9_]+\.(png|svg|pdf)|"
    + "|".join(
        map(re.escape, (MANIFEST, METRICS, HISTORY, WEIGHTS, CIRCUIT, PROFILE, ROWS, SURROGATE))
    )
    + ")"
)


# The largest size of each of them, in bytes; of a figure it is that of a document.
SIZES = {
    MANIFEST: limits.FACTS_BYTES,
    METRICS: limits.FACTS_BYTES,
    WEIGHTS: limits.WEIGHTS_BYTES,
    CIRCUIT: limits.CIRCUIT_BYTES,
    ROWS: limits.ARCHIVE_BYTES,
}


def quoted(path: Path) -> str:
    """Return a path in quotes, for messages."""
    return repr(str(path))


def is_own_file(name: str) -> bool:
    """Whether a name, with forward slashes, is a possible name of a run's file."""
    return _OWN_FILE.fullmatch(name) is not None


def is_run(out: Path) -> bool:
    """Whether a folder holds a complete run of this program, damaged or not."""
    return holds(out / MANIFEST, manifest.KIND)


def is_interrupted(out: Path) -> bool:
    """Whether a folder holds an interrupted training of this program."""
    return holds(out / REQUEST, REQUEST_KIND)


def check_vacant(out: Path, *, force: bool) -> None:
    """Refuse a folder that a new run must not be written to.

    Raises:
        RunError: If the folder exists, unless `force` is given and it is empty or a run.
    """
    refuse_occupied(
        out,
        "run of qmoe-qiskit",
        "training",
        force=force,
        is_ours=is_run(out),
        is_begun=is_interrupted(out),
    )


def refuse_occupied(
    out: Path, result: str, process: str, *, force: bool, is_ours: bool, is_begun: bool
) -> None:
    """Refuse a folder that a new result must not be written to.

    Messages name the result with its program, and the process that makes it. With `force` the
    folder may be empty, hold such a result (`is_ours`), or hold an interrupted process
    (`is_begun`).

    Raises:
        RunError: If the folder is refused.
    """
    try:
        exists, is_folder = os.path.lexists(out), out.is_dir()
        # A process that was killed may have left its staging folder.
        empty = not (is_folder and any(path.name != _STAGING for path in out.iterdir()))
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise _unusable(out, error) from error
    if not exists:
        return
    if not is_folder:
        raise RunError(f"{quoted(out)} is not a folder: choose another one with --out")
    if force and (empty or is_ours or is_begun):
        return
    if force:
        raise RunError(
            f"{quoted(out)} is not a {result}, and --force replaces nothing else: choose "
            "another folder with --out"
        )
    if is_begun:
        raise RunError(
            f"{quoted(out)} holds a {process} that is not complete: add --resume to go on with it, "
            "or --force to begin anew"
        )
    raise RunError(
        f"{quoted(out)} exists: choose another folder with --out, or add --force to replace a "
        f"{result.split(maxsplit=1)[0]}"
    )


@contextmanager
def claim(out: Path, request: bytes) -> Iterator[None]:
    """Begin a training in a folder that `check_vacant` accepted: make it and write the request.

    If the body refuses its input, the folder is restored: the same would happen again. After any
    other end, Ctrl-C and a full disk included, request and checkpoints stay, so that the training
    can be resumed.

    Raises:
        RunError: If the folder cannot be made or written to.
    """
    working = [out / name for name in (REQUEST, *CHECKPOINTS)]
    created: list[Path] = []
    try:
        _make_folders(out, created)
        before = {
            path: read_regular(path, limits.CHECKPOINT_BYTES) for path in working if path.exists()
        }
        write_atomically(out / REQUEST, request)
        for path in working[1:]:
            path.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        _remove_empty(created)
        raise _unusable(out, error) from error
    try:
        yield
    except RunError:  # a checkpoint cannot be written
        raise
    except QMoEError:
        for path in working:
            path.unlink(missing_ok=True)
        for path, content in before.items():
            write_atomically(path, content)
        _remove_empty(created)
        raise


@contextmanager
def made(out: Path) -> Iterator[None]:
    """Make a folder that `check_vacant` accepted; if the body fails, remove it if it is new.

    Raises:
        RunError: If the folder cannot be made or written to.
    """
    created: list[Path] = []
    try:
        _make_folders(out, created)
        yield
    except (OSError, ValueError) as error:
        _remove_empty(created)
        if isinstance(error, QMoEError):
            raise
        raise _unusable(out, error) from error


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """Make a hidden folder inside a run's folder, and remove it at the end."""
    folder = out / _STAGING
    shutil.rmtree(folder, ignore_errors=True)  # left by a process that was killed
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(staged: Path, out: Path) -> None:
    """Move a complete run from its staging folder into place, and end the training.

    If the process is killed, the folder holds the old run, or a training that can be resumed, or
    the new run. Files that do not belong to a run stay.
    """
    names = sorted(names_below(staged) - {MANIFEST})
    (out / MANIFEST).unlink(missing_ok=True)
    for name in filter(is_own_file, names_below(out) - set(names)):
        (out / name).unlink()
    for name in [*names, MANIFEST]:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (staged / name).replace(out / name)
    for name in (REQUEST, *CHECKPOINTS):
        (out / name).unlink(missing_ok=True)
        remove_parts(out, name)
    controls = [out / name for name in CONTROLS]
    _remove_empty([*controls, *(control / FIGURES for control in controls), out / FIGURES])


def check_names(staged: Path) -> None:
    """Refuse files that a run cannot have, before they are moved into place.

    Raises:
        InputError: If such a file exists.
    """
    strange = sorted(name for name in names_below(staged) if not is_own_file(name))
    if strange:
        raise InputError(
            f"{strange[0]!r} is no file of a run: figures are named {FIGURES}/NAME.png, .svg or "
            ".pdf, with a-z, 0-9 and _ in NAME"
        )


def names_below(folder: Path) -> set[str]:
    """Return the names of all files in a folder and below, with forward slashes."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def holds(path: Path, kind: str) -> bool:
    """Whether a file is a document of a kind."""
    try:
        return has_kind(read_regular(path, limits.FACTS_BYTES), kind)
    except (OSError, ValueError):  # ValueError: a null character in the path
        return False


def _make_folders(out: Path, created: list[Path]) -> None:
    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    for folder in reversed(missing):
        # If two trainings begin at once in one folder, the second fails here.
        folder.mkdir(exist_ok=folder != out)
        created.append(folder)


def _remove_empty(folders: list[Path]) -> None:
    for folder in reversed(folders):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _unusable(out: Path, error: OSError | ValueError) -> RunError:
    return RunError(
        f"folder {quoted(out)} cannot be written to ({reason_of(error)}): choose another one with "
        "--out"
    )
