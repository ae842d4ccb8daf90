"""The folder of a comparison under noise: two runs, the later calibration, and the result.

While the runs are trained the folder holds the request, so that the comparison can be resumed.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from qmoe_qiskit import limits
from qmoe_qiskit.errors import QMoEError, RunError
from qmoe_qiskit.io.atomic import write_atomically
from qmoe_qiskit.io.checked_json import dump_checked, load_checked
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.io.regular_files import read_regular
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.runs.noise_comparison.request import NoiseRequest
from qmoe_qiskit.runs.store.folder import REQUEST, holds, quoted, refuse_occupied

IDEAL = "ideal"
NOISY = "noisy"
LATER = "later.json"
COMPARISON = "comparison.json"
COMPARISON_KIND = "qmoe-noise-comparison"
_REQUEST_KIND = "qmoe-noise-request"


def is_begun(out: Path) -> bool:
    """Whether a folder holds an interrupted comparison of this program."""
    return holds(out / REQUEST, _REQUEST_KIND)


def check_vacant(out: Path, *, force: bool) -> None:
    """Refuse a folder that a comparison must not be written to.

    Raises:
        RunError: If the folder exists, unless `force` is given and it is empty or a comparison.
    """
    refuse_occupied(
        out,
        "comparison of qmoe noise",
        "comparison",
        force=force,
        is_ours=holds(out / COMPARISON, COMPARISON_KIND),
        is_begun=is_begun(out),
    )


@contextmanager
def begun(out: Path, request: NoiseRequest, later: NoiseProfile) -> Iterator[None]:
    """Begin a comparison in a folder, accepted by `check_vacant`.

    If the body refuses its input, a folder that was made here is removed: the same would happen
    again. After any other end the comparison can be resumed.

    Raises:
        RunError: If the folder cannot be made or written to.
    """
    existed = out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / COMPARISON).unlink(missing_ok=True)
        write_atomically(out / LATER, later.dumps().encode())
        write_atomically(
            out / REQUEST, dump_checked(_REQUEST_KIND, asdict(request.relative_to(out)))
        )
    except (OSError, ValueError) as error:
        raise RunError(
            f"folder {quoted(out)} cannot be written to ({reason_of(error)}): choose another one "
            "with --out"
        ) from error
    try:
        yield
    except RunError:  # a folder or checkpoint cannot be written to
        raise
    except QMoEError:
        if not existed:
            shutil.rmtree(out)
        raise


def read_begun(out: Path) -> tuple[NoiseRequest, NoiseProfile]:
    """Return the request of an interrupted comparison, and its later calibration.

    Raises:
        RunError: If the folder holds none.
        ProfileError: If the later calibration is damaged.
    """
    try:
        data = read_regular(out / REQUEST, limits.FACTS_BYTES)
    except (OSError, ValueError):
        raise RunError(
            f"there is no interrupted comparison in {quoted(out)}: compare without --resume"
        ) from None
    request = load_checked(data, _REQUEST_KIND, NoiseRequest, quoted(out / REQUEST))
    return request.resolved_from(out), NoiseProfile.load(out / LATER)


def finish(out: Path, document: bytes) -> None:
    """Write the result, and end the comparison.

    Raises:
        OSError: If the folder cannot be written to; the comparison can be resumed.
    """
    write_atomically(out / COMPARISON, document)
    (out / REQUEST).unlink()
