"""Writing a classifier as a program of torch.export or in ONNX."""

from __future__ import annotations

import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from sklearn.utils.validation import check_is_fitted

from qmoe_qiskit.errors import InputError, RunError, unknown_name
from qmoe_qiskit.io.atomic import write_atomically
from qmoe_qiskit.io.reasons import reason_of
from qmoe_qiskit.train.export.classical_model import classical_model, surrogate_of
from qmoe_qiskit.version import __version__

if TYPE_CHECKING:
    from qmoe_qiskit.backends.surrogate import FourierSurrogate
    from qmoe_qiskit.train.classifier import QMoEClassifier

FORMATS = ("onnx", "torch")
_DTYPES = {"float32": torch.float32, "float64": torch.float64}
# What the facts are stored as: a property of the ONNX model, an extra file of the torch program.
METADATA = "qmoe"


class FittedRun(Protocol):
    """A run with its model."""

    @property
    def classifier(self) -> QMoEClassifier:
        """The fitted classifier."""
        ...


@dataclass(frozen=True, kw_only=True)
class ExportedFile:
    """A classifier's file without a circuit.

    Attributes:
        path: The path of the file.
        format: "onnx" or "torch".
        n_bytes: The size of the file.
        facts: What the file says of itself: classes in the order of the probabilities, names of
            the features, type of the numbers, the surrogate in place of the circuit.
    """

    path: Path
    format: str
    n_bytes: int
    facts: dict[str, Any]


def export_model(
    model: QMoEClassifier | FittedRun,
    path: str | Path,
    *,
    format: str = "onnx",  # noqa: A002 - as torch and pandas call it
    surrogate: FourierSurrogate | None = None,
    dtype: str = "float64",
    overwrite: bool = False,
) -> ExportedFile:
    """Write a fitted classifier as a file that runs without this library and without Qiskit.

    The circuit is replaced by its surrogate, which is exact for exact backends. The input is
    "features", (N, F) in raw units; the outputs are "probabilities", (N, C), and "class_index",
    (N,): the place of the most probable label in "classes". N is free. The facts are a text in
    JSON: the property "qmoe" of an ONNX model, the extra file "qmoe" of a torch program.

    Args:
        model: The fitted classifier, or a run with one, as `load_run` returns it.
        path: The path of the file, such as "model.onnx" or "model.pt2".
        format: "onnx", for ONNX Runtime; or "torch", for torch.export.load.
        surrogate: The measured surrogate; None to measure the circuit on the classifier's own
            backend, unless that is paid for. A classical router has none.
        dtype: The type of features and probabilities, "float64" or "float32".
        overwrite: Whether to replace an existing file.

    Raises:
        InputError: If an argument is not accepted, the circuit has no surrogate, or the packages
            for ONNX are not installed.
        RunError: If the file exists or cannot be written.

    >>> from qmoe_qiskit import QMoEClassifier
    >>> X = [[0.0, 0.1], [0.2, 0.9], [0.8, 0.3], [1.0, 1.0]]
    >>> model = QMoEClassifier("linear", max_epochs=1, random_state=0).fit(X, ["a", "a", "b", "b"])
    >>> file = export_model(model, "model.pt2", format="torch", overwrite=True)
    >>> file.format, file.facts["classes"]
    ('torch', ['a', 'b'])
    """
    given: Any = model
    classifier: QMoEClassifier = given.classifier if hasattr(given, "classifier") else given
    if format not in FORMATS:
        raise unknown_name("format", format, FORMATS)
    if dtype not in _DTYPES:
        raise unknown_name("dtype", dtype, _DTYPES)
    check_is_fitted(classifier)
    if classifier.task.name == "regression":
        raise InputError(
            "an exported model returns probabilities of labels, and this one predicts numbers: "
            "keep it with save"
        )
    file = Path(path)
    if not overwrite and os.path.lexists(file):
        raise RunError(f"{str(file)!r} exists: choose another path, or set overwrite=True")
    if format == "onnx":
        _require_onnx()
    measured = surrogate_of(classifier, surrogate)
    module = classical_model(classifier, measured, _DTYPES[dtype])
    facts = _facts(classifier, measured, dtype)
    # A batch of one would be recorded as such.
    example_NF = torch.zeros(2, len(classifier.feature_map_.minimum_F), dtype=_DTYPES[dtype])
    with _quiet():
        program = torch.export.export(
            module, (example_NF,), dynamic_shapes={"features": {0: torch.export.Dim("n_rows")}}
        )
        for node in program.graph.nodes:  # where our source lies on this machine
            node.meta.pop("stack_trace", None)
        content = _onnx(program, facts) if format == "onnx" else _torch(program, facts)
    try:
        write_atomically(file, content)
    except (OSError, ValueError) as error:
        raise RunError(f"{str(file)!r} cannot be written: {reason_of(error)}") from error
    return ExportedFile(path=file, format=format, n_bytes=len(content), facts=facts)


def _facts(
    classifier: QMoEClassifier, surrogate: FourierSurrogate | None, dtype: str
) -> dict[str, Any]:
    record = None if surrogate is None else surrogate.record
    return {
        "classes": classifier.classes_.tolist(),
        "feature_names": getattr(classifier, "feature_names_in_", classifier.classes_[:0]).tolist(),
        "dtype": dtype,
        "circuit": None
        if surrogate is None or record is None
        else {
            "backend": record.backend,
            "calibration": None if record.calibration is None else record.calibration.content_hash,
            "hash": surrogate.router.content_hash,
            "points": surrogate.points,
            "shots": surrogate.shots,
        },
        "qmoe_qiskit": __version__,
    }


def _torch(program: torch.export.ExportedProgram, facts: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={METADATA: json.dumps(facts)})
    return buffer.getvalue()


def _onnx(program: torch.export.ExportedProgram, facts: dict[str, Any]) -> bytes:
    with redirect_stdout(io.StringIO()):  # the exporter prints its progress
        converted = torch.onnx.export(
            program,
            dynamo=True,
            input_names=["features"],
            output_names=["probabilities", "class_index"],
            verbose=False,
        )
    assert converted is not None
    proto = converted.model_proto
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    entry = proto.metadata_props.add()
    entry.key, entry.value = METADATA, json.dumps(facts)
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"files in ONNX need the package {error.name!r}, which is not installed: "
            "pip install 'qmoe-qiskit[onnx]', or choose format 'torch'"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep remarks of torch's exporters from the user, who can do nothing about them."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
