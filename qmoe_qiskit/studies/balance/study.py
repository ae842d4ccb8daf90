"""The study `balance`."""

from collections.abc import Sequence

from qmoe_qiskit.studies.balance.settings import BalanceSettings, Case
from qmoe_qiskit.studies.balance.summary import n_claims, summarize
from qmoe_qiskit.studies.balance.task import BalanceTask
from qmoe_qiskit.studies.engine.study import Study
from qmoe_qiskit.studies.engine.task import Task
from qmoe_qiskit.studies.training.circuit_execution import EXACT


def _tasks(settings: BalanceSettings, seeds: Sequence[int]) -> list[Task]:
    return [_task(settings, seed, case) for seed in seeds for case in settings.cases]


def _task(settings: BalanceSettings, seed: int, case: Case) -> BalanceTask:
    under_noise = case.router == "quantum" and case.scaling == settings.scalings[0]
    return BalanceTask(
        seed=seed,
        router=case.router,
        n_layers=settings.n_layers if case.router == "quantum" else 1,
        n_experts=case.n_experts,
        scaling=case.scaling,
        learning_rates=(settings.learning_rate,),
        **settings.part("data", "n_samples", "test_fraction", "epochs", "batch_size"),
        balance_weight=case.weight,
        settings=(EXACT, *settings.noise.values()) if under_noise else (EXACT,),
    )


STUDY = Study(
    name="balance",
    title="Do experts share the work, and does their routing hold under noise?",
    settings=BalanceSettings,
    quick=BalanceSettings(
        controls=("linear",), n_experts=(2, 8), weights=(0.0, 0.1), scalings=("paper",)
    ),
    tasks=_tasks,
    summarize=summarize,
    n_claims=n_claims,
)
