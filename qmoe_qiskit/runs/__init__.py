"""Runs: a trained model in a folder, with all that is needed to check, repeat and use it.

Names of arrays end in their shape. Shapes: N rows, B batch, F features, K router coordinates,
W circuit weights, O observables, P points at which a circuit is evaluated, E experts, C classes.

The public names are loaded when first used; a run can be read without torch and Qiskit.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.runs.evaluation import Evaluation, evaluate_run
    from qmoe_qiskit.runs.explaining import Explanation, explain
    from qmoe_qiskit.runs.metrics import Interval, Metric
    from qmoe_qiskit.runs.noise_comparison.request import NoiseRequest
    from qmoe_qiskit.runs.noise_comparison.run import (
        NoiseCase,
        NoiseComparison,
        SettingResult,
        compare_under_noise,
        resume_comparison,
    )
    from qmoe_qiskit.runs.predictions import Predictions, predict_file
    from qmoe_qiskit.runs.provenance import CalibrationRecord, Execution
    from qmoe_qiskit.runs.request import TrainingRequest
    from qmoe_qiskit.runs.saving import save_run
    from qmoe_qiskit.runs.store.loading import OpenedRun, Run, load_run, read_run
    from qmoe_qiskit.runs.store.manifest import DataRecord, Manifest
    from qmoe_qiskit.runs.store.writing import Figures
    from qmoe_qiskit.runs.training import read_request, resume_run, train_run
    from qmoe_qiskit.runs.votes.accuracy import AccuracyByVotes, VotesAccuracy, accuracy_by_votes
    from qmoe_qiskit.stats.intervals import wilson_interval

__all__ = [
    "AccuracyByVotes",
    "CalibrationRecord",
    "DataRecord",
    "Evaluation",
    "Execution",
    "Explanation",
    "Figures",
    "Interval",
    "Manifest",
    "Metric",
    "NoiseCase",
    "NoiseComparison",
    "NoiseRequest",
    "OpenedRun",
    "Predictions",
    "Run",
    "SettingResult",
    "TrainingRequest",
    "VotesAccuracy",
    "accuracy_by_votes",
    "compare_under_noise",
    "evaluate_run",
    "explain",
    "load_run",
    "predict_file",
    "read_request",
    "read_run",
    "resume_comparison",
    "resume_run",
    "save_run",
    "train_run",
    "wilson_interval",
]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.runs",
    {
        ".evaluation": ["Evaluation", "evaluate_run"],
        ".explaining": ["Explanation", "explain"],
        ".metrics": ["Interval", "Metric"],
        ".noise_comparison.request": ["NoiseRequest"],
        ".noise_comparison.run": [
            "NoiseCase",
            "NoiseComparison",
            "SettingResult",
            "compare_under_noise",
            "resume_comparison",
        ],
        ".predictions": ["Predictions", "predict_file"],
        ".provenance": ["CalibrationRecord", "Execution"],
        ".request": ["TrainingRequest"],
        ".saving": ["save_run"],
        ".store.loading": ["OpenedRun", "Run", "load_run", "read_run"],
        ".store.manifest": ["DataRecord", "Manifest"],
        ".store.writing": ["Figures"],
        ".votes.accuracy": ["AccuracyByVotes", "VotesAccuracy", "accuracy_by_votes"],
        ".training": ["read_request", "resume_run", "train_run"],
        "qmoe_qiskit.stats.intervals": ["wilson_interval"],
    },
)
