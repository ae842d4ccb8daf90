"""Runs: a trained model in a folder, with what it takes to check, repeat and use it.

Importing this loads neither torch nor Qiskit: a run can be read without them.
"""

from __future__ import annotations

from qmoe_qiskit.runs.evaluation import Evaluation, Predictions, evaluate_run, predict_file
from qmoe_qiskit.runs.metrics import Interval, Metric
from qmoe_qiskit.runs.noise_comparison.request import NoiseRequest
from qmoe_qiskit.runs.noise_comparison.run import (
    NoiseCase,
    NoiseComparison,
    SettingResult,
    compare_under_noise,
    resume_comparison,
)
from qmoe_qiskit.runs.provenance import CalibrationRecord, Execution
from qmoe_qiskit.runs.request import TrainingRequest
from qmoe_qiskit.runs.store.loading import Run, RunRecord, load_run, read_run
from qmoe_qiskit.runs.store.manifest import DataRecord, Manifest
from qmoe_qiskit.runs.store.writing import Figures
from qmoe_qiskit.runs.training import read_request, resume_run, train_run
from qmoe_qiskit.stats.intervals import wilson_interval

__all__ = [
    "CalibrationRecord",
    "DataRecord",
    "Evaluation",
    "Execution",
    "Figures",
    "Interval",
    "Manifest",
    "Metric",
    "NoiseCase",
    "NoiseComparison",
    "NoiseRequest",
    "Predictions",
    "Run",
    "RunRecord",
    "SettingResult",
    "TrainingRequest",
    "compare_under_noise",
    "evaluate_run",
    "load_run",
    "predict_file",
    "read_request",
    "read_run",
    "resume_comparison",
    "resume_run",
    "train_run",
    "wilson_interval",
]
