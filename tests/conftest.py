"""What every test shares: its own seed, one thread, no window, and the same examples each time.

It also marks tests by what they cost, see `COSTS`.
"""

from __future__ import annotations

import gc
import os
import signal
import ssl
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import leak_check
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest_plugins = ["command_line", "figure_readings"]

# Set before the libraries that read them are imported; programs started by tests inherit them.
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Else every request of IBM's client reads the source of all that has called it.
os.environ["USAGE_DATA_OPT_OUT"] = "True"

# A suite that a shell runs in the background is deaf to Ctrl-C, and what it starts would be too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Folders, files and tests that are more than quick calls in this process, and how; see the markers
# in pyproject.toml. Where a file mixes, tests are marked there, or by their fixtures.
COSTS = {
    "adaptive/test_recalibration.py": {"slow"},
    "backends/mitigation/test_folding.py": {"slow"},
    "backends/noisy/test_circuit.py": {"slow"},
    "backends/noisy/test_contract.py": {"slow"},
    "backends/noisy/test_exact.py": {"slow"},
    "backends/noisy/test_limits.py": {"slow"},
    "backends/noisy/test_odd_devices.py": {"slow"},
    "backends/noisy/test_physics.py::test_noise_grows_with_its_scale": {"slow"},
    "backends/noisy/test_sampling.py": {"slow"},
    "backends/runtime/test_exact.py": {"slow"},
    "backends/runtime/test_fakes.py": {"slow"},
    "backends/runtime/test_service.py": {"service"},
    "backends/slots": {"slow"},
    "backends/surrogate": {"slow"},
    "backends/test_all_fakes.py": {"slow"},
    "backends/test_any_circuit.py": {"slow"},
    "backends/test_given.py": {"slow"},
    "backends/test_handed_out.py": {"slow"},
    "backends/transpile/test_fractional.py": {"slow"},
    "backends/transpile/test_routing.py": {"slow"},
    "circuits/test_content_hash.py::test_random_circuits_keep_their_hash_over_qpy": {"slow"},
    "cli/commands/applications/test_drift.py": {"slow"},
    "cli/commands/applications/test_private.py": {"slow"},
    "cli/commands/insight/test_explain.py::test_what_is_said_and_written": {"slow"},
    "cli/commands/packed/test_slots.py": {"slow"},
    "cli/commands/surrogates/test_surrogate.py": {"slow"},
    "cli/hardware/test_predictions.py": {"slow"},
    "cli/hardware/test_results.py": {"slow"},
    "cli/hardware/test_shot_plan.py::test_the_commands_execute_what_was_planned": {"slow"},
    "cli/studies/test_compare.py::test_it_compares_and_goes_on": {"slow"},
    "cli/studies/test_full_disk.py::test_the_index_of_several_reports": {"slow"},
    "cli/test_config.py::test_settings_of_a_run_train_it_again": {"slow"},
    "cli/test_noise.py": {"slow"},
    "cli/test_profiles.py": {"slow"},
    "cli/test_program.py::test_every_command_has_help": {"slow"},
    "cli/test_regression.py::test_standard_errors_of_numbers": {"slow"},
    "cli/test_regression.py::test_the_run_holds_what_scikit_learn_measures": {"slow"},
    "cli/test_stdout.py": {"process"},
    "cli/test_train.py": {"slow"},
    "cli/test_use.py": {"slow"},
    "cli/test_votes.py::test_evaluate_with_votes": {"slow"},
    "cli/test_votes.py::test_one_shot_on_a_fake_device": {"slow"},
    "cli/test_votes.py::test_the_run_knows_its_routing": {"slow"},
    "compatibility": {"slow"},
    "federated/test_federate.py::test_clients_are_sampled": {"slow"},
    "federated/test_federate.py::test_epsilon_of_clients": {"slow"},
    "federated/test_federate.py::test_one_client_is_central_training": {"slow"},
    "figures/device/test_figure.py": {"slow"},
    "figures/test_decision_boundary.py": {"slow"},
    "figures/test_evaluation_figures.py": {"slow"},
    "figures/test_routing_map.py": {"slow"},
    "hardware/cost/test_estimate_service.py": {"service"},
    "hardware/devices/test_fake.py::test_qubits_keep_their_places_and_points_their_order": {"slow"},
    "hardware/devices/test_fake.py::test_what_cannot_be_simulated": {"slow"},
    "hardware/jobs": {"process", "service"},
    "hardware/ledger/test_crash.py": {"process"},
    "hostile/test_circuits.py::test_definitions_that_never_end": {"slow"},
    "hostile/test_fuzz.py": {"slow"},
    "ibm_service_tests": {"service"},
    "moe/test_layer.py::test_compiled": {"slow"},
    "moe/test_load_balance_training.py::test_command_line": {"slow"},
    "moe/torch_behaviour/test_derivatives.py::test_gradcheck": {"slow"},
    "moe/torch_behaviour/test_recorded.py::test_compiled_without_a_break": {"slow"},
    "moe/torch_behaviour/test_recorded.py::test_exported": {"slow"},
    "moe/torch_connector/test_recorded_programs.py": {"slow"},
    "noise_profiles/capture/test_exported.py": {"slow"},
    "noise_profiles/changes/test_drift.py::test_sizes_are_those_stated": {"slow"},
    "noise_profiles/changes/test_subset.py::test_noise_is_that_of_the_whole": {"slow"},
    "noise_profiles/files/test_files.py::test_fuzz_spoilt_files": {"slow"},
    "noise_profiles/test_aer_equality.py": {"slow"},
    "noise_profiles/test_aer_noise.py::test_what_is_written_is_what_aer_writes": {"slow"},
    "runs/explaining": {"slow"},
    "runs/noise_comparison": {"slow"},
    "runs/on_hardware/test_on_hardware.py::test_estimate_is_what_a_fake_executes": {"slow"},
    "runs/on_hardware/test_on_hardware.py::test_it_says_what_the_jobs_ran_on": {"slow"},
    "runs/on_hardware/test_on_hardware.py::test_standard_errors_that_are_not_binomial_are_said": {
        "slow"
    },
    "runs/shot_plan": {"slow"},
    "runs/test_attack.py": {"slow"},
    "runs/test_error_bars.py": {"slow"},
    "runs/test_own_circuit.py": {"slow"},
    "runs/test_representations.py": {"slow"},
    "scripts": {"slow"},
    "simulation/test_batches.py": {"slow"},
    "simulation/test_density.py::test_memory_does_not_change_the_numbers": {"slow"},
    "simulation/test_density.py::test_values_are_those_of_qiskit": {"slow"},
    "stats/test_breakdown.py::test_the_interval_covers_the_true_level": {"slow"},
    "stats/test_sign_flip.py": {"slow"},
    "stats/test_verdicts.py": {"slow"},
    "studies/engine/test_dask_cluster.py": {"process"},
    "studies/engine/test_kill.py": {"process"},
    "studies/engine/test_processes.py": {"process"},
    "studies/kernel/test_kernel.py::test_from_tasks_to_figures": {"slow"},
    "studies/noise": {"slow"},
    "studies/report/test_browser.py": {"process"},
    "studies/report/test_figures.py": {"slow"},
    "studies/test_adaptive.py::test_a_device_is_recalibrated_day_by_day": {"slow"},
    "studies/test_balance.py::test_from_tasks_to_figures": {"slow"},
    "studies/test_boundary.py::test_the_study_runs_and_draws": {"slow"},
    "studies/test_efficiency.py": {"slow"},
    "studies/test_experts.py": {"slow"},
    "studies/test_private.py::test_tasks_repeat_and_draw": {"slow"},
    "studies/training/test_feasibility.py": {"slow"},
    "studies/training/test_train_task.py": {"slow"},
    "test_contributing.py": {"slow"},
    "test_docs.py::test_examples_run": {"service", "slow"},
    "test_docs.py::test_the_trial_of_readme_in_a_clean_shell": {"process"},
    "test_leak_check.py": {"process"},
    "test_packaging.py": {"process"},
    "test_structure.py::test_no_files_import_each_other_in_a_circle": {"slow"},
    "train/export": {"slow"},
    "train/loop/test_progress.py::test_a_long_fit_shows_a_bar_and_an_interrupt_removes_it": {
        "slow"
    },
    "train/on_device/test_kills.py": {"process", "service"},
    "train/on_device/test_training.py": {"slow"},
    "train/private/test_accounting.py::test_noise_spends_the_budget_and_no_more": {"slow"},
    "train/private/test_private_fit.py::test_record_of_what_was_spent": {"slow"},
    "train/stored/test_resume.py": {"slow"},
    "train/stored/test_saving.py": {"slow"},
    "train/stored/test_state.py::test_a_changed_config_is_refused_or_harmless": {"slow"},
    "train/test_continuing.py::test_calls_of_partial_fit_are_a_loop_of_torchs": {"slow"},
    "train/test_estimator_contract.py": {"slow"},
    "train/test_learning.py": {"slow"},
    "train/test_noise.py": {"slow"},
    "train/test_projection.py::test_saved_and_exported": {"slow"},
    "train/test_scikit_learn.py": {"slow"},
    "train/test_slots.py::test_rows_run_in_slots_and_the_model_keeps_them": {"slow"},
    "train/test_weights.py": {"slow"},
}
FIXTURE_COSTS = {
    "children": "process",
    "exported": "process",
    "fork_server": "process",
    "ibm": "service",
    "make_program": "process",
    "process": "process",
    "real_program": "process",
    "start": "process",
    "within_limits": "process",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it costs."""
    here = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(here) if item.path.is_relative_to(here) else item.path
        costs = {FIXTURE_COSTS.get(name) for name in getattr(item, "fixturenames", ())} - {None}
        name = getattr(item, "originalname", item.name)
        for place in (f"{path}::{name}", str(path), *map(str, path.parents)):
            costs |= COSTS.get(place, set())
        for cost in costs:
            item.add_marker(cost)


def pytest_collection_finish() -> None:
    """Spare the collector of garbage what stays to the end: modules, and all tests."""
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks whether it is `whole` twice: as a sample, and whole as a trial."""
    if "whole" in metafunc.fixturenames:
        whole = pytest.param(True, marks=pytest.mark.trial, id="whole")
        metafunc.parametrize("whole", [pytest.param(False, id="sample"), whole])


# Each profile draws the same examples everywhere and always, but "explore", which looks for new
# ones: make test ARGS="--hypothesis-profile=explore"
for _name, _n_examples in {"quick": 6, "sample": 25, "whole": 100}.items():
    settings.register_profile(
        _name,
        derandomize=True,
        deadline=None,
        print_blob=True,
        max_examples=_n_examples,
        suppress_health_check=[HealthCheck.too_slow],  # it goes by the clock: busy machines fail it
    )
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile("sample")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A seed of the test's own, the same in every run: a function of its name and parameters."""
    return zlib.crc32(request.node.name.encode())


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """A generator of the test's own; inside `hypothesis.given`, draw a seed instead."""
    return np.random.default_rng(seed)


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    """Undo what a test before may have set; torch is not loaded for tests that do without it."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def keep(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str | bytes | None], None]:
    """Write down what a program said, for the search for secrets at the end."""
    path = tmp_path_factory.getbasetemp() / leak_check.SAID

    def write(said: str | bytes | None) -> None:
        if said:
            with path.open("ab") as file:
                file.write(said if isinstance(said, bytes) else said.encode(errors="replace"))

    return write


@pytest.fixture(scope="session", autouse=True)
def what_programs_say_is_kept(keep: Callable[[str | bytes | None], None]) -> Iterator[None]:
    """Keep all that tests read from programs that they started."""
    communicate = subprocess.Popen.communicate

    def kept(process: subprocess.Popen[Any], *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        said = communicate(process, *args, **kwargs)
        for text in said:
            keep(text)
        return said

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "communicate", kept)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_certificates() -> Iterator[None]:
    """No test speaks TLS: IBM's client need not read all certificates for each connection."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None)
        yield


LEAKS: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Search what pytest captured; with several workers, in the process that they report to."""
    said = [text.encode(errors="replace") for _, text in report.sections]
    if report.when == "teardown" and any(map(leak_check.is_in, said)):  # all of the test by then
        LEAKS.append(f"what {report.nodeid} wrote")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search the files of all tests, and of all workers, whose folders lie below this one."""
    if hasattr(session.config, "workerinput"):
        return
    factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
    LEAKS.extend(map(str, leak_check.files_with_secrets(factory.getbasetemp())))
    if LEAKS:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where secrets were found."""
    for place in LEAKS:
        terminalreporter.write_line(f"a planted secret is in {place}", red=True)
