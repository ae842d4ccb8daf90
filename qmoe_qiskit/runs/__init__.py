"""Runs: a trained model in a folder, with what it takes to check, repeat and use it.

Importing this loads neither torch nor Qiskit: a run can be read without them.
"""

from __future__ import annotations

from qmoe_qiskit.runs.evaluation import Evaluation, Predictions, evaluate_run, predict_file
from qmoe_qiskit.runs.loading import Run, RunRecord, load_run, read_run
from qmoe_qiskit.runs.manifest import DataRecord, Manifest
from qmoe_qiskit.runs.metrics import Interval, Metric, wilson_interval
from qmoe_qiskit.runs.request import TrainingRequest
from qmoe_qiskit.runs.training import read_request, resume_run, train_run
from qmoe_qiskit.runs.writing import Figures

__all__ = [
    "DataRecord",
    "Evaluation",
    "Figures",
    "Interval",
    "Manifest",
    "Metric",
    "Predictions",
    "Run",
    "RunRecord",
    "TrainingRequest",
    "evaluate_run",
    "load_run",
    "predict_file",
    "read_request",
    "read_run",
    "resume_run",
    "train_run",
    "wilson_interval",
]
