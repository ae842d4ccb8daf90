"""What tests cost: the marks of folders, files and tests that are more than quick calls.

The marks are explained in pyproject.toml; conftest.py sets them. Where a file mixes, tests are
marked there, or by their fixtures. A trial that is named here takes seconds; shorter tests show
most of what it does.
"""

MARKS = {
    "slow": """
adaptive/test_recalibration.py
backends/mitigation/test_folding.py
backends/noisy/test_circuit.py
backends/noisy/test_contract.py
backends/noisy/test_exact.py
backends/noisy/test_limits.py
backends/noisy/test_odd_devices.py
backends/noisy/test_physics.py::test_noise_grows_with_its_scale
backends/noisy/test_sampling.py
backends/runtime/test_exact.py
backends/runtime/test_fakes.py
backends/slots
backends/surrogate
backends/test_all_fakes.py
backends/test_any_circuit.py
backends/test_given.py
backends/test_handed_out.py
backends/transpile/test_fractional.py
backends/transpile/test_routing.py
circuits/test_content_hash.py::test_random_circuits_keep_their_hash_over_qpy
cli/commands/applications/test_drift.py
cli/commands/applications/test_private.py
cli/commands/insight/test_explain.py::test_what_is_said_and_written
cli/commands/packed/test_slots.py
cli/commands/surrogates/test_surrogate.py
cli/hardware/test_predictions.py
cli/hardware/test_results.py
cli/hardware/test_shot_plan.py::test_the_commands_execute_what_was_planned
cli/studies/test_compare.py::test_it_compares_and_goes_on
cli/studies/test_full_disk.py::test_the_index_of_several_reports
cli/test_config.py::test_settings_of_a_run_train_it_again
cli/test_noise.py
cli/test_profiles.py
cli/test_program.py::test_every_command_has_help
cli/test_regression.py::test_standard_errors_of_numbers
cli/test_regression.py::test_the_run_holds_what_scikit_learn_measures
cli/test_train.py
cli/test_use.py
cli/test_votes.py::test_evaluate_with_votes
cli/test_votes.py::test_one_shot_on_a_fake_device
cli/test_votes.py::test_the_run_knows_its_routing
compatibility
federated/test_federate.py::test_clients_are_sampled
federated/test_federate.py::test_epsilon_of_clients
federated/test_federate.py::test_one_client_is_central_training
figures/device/test_figure.py
figures/test_decision_boundary.py
figures/test_evaluation_figures.py
figures/test_routing_map.py
hardware/devices/test_fake.py::test_qubits_keep_their_places_and_points_their_order
hardware/devices/test_fake.py::test_what_cannot_be_simulated
hostile/test_circuits.py::test_definitions_that_never_end
hostile/test_fuzz.py
moe/test_layer.py::test_compiled
moe/test_load_balance_training.py::test_command_line
moe/torch_behaviour/test_derivatives.py::test_gradcheck
moe/torch_behaviour/test_recorded.py::test_compiled_without_a_break
moe/torch_behaviour/test_recorded.py::test_exported
moe/torch_connector/test_recorded_programs.py
noise_profiles/capture/test_exported.py
noise_profiles/changes/test_drift.py::test_sizes_are_those_stated
noise_profiles/changes/test_subset.py::test_noise_is_that_of_the_whole
noise_profiles/files/test_files.py::test_fuzz_spoilt_files
noise_profiles/test_aer_equality.py
noise_profiles/test_aer_noise.py::test_what_is_written_is_what_aer_writes
runs/explaining
runs/noise_comparison
runs/on_hardware/test_on_hardware.py::test_estimate_is_what_a_fake_executes
runs/on_hardware/test_on_hardware.py::test_it_says_what_the_jobs_ran_on
runs/on_hardware/test_on_hardware.py::test_standard_errors_that_are_not_binomial_are_said
runs/shot_plan
runs/test_attack.py
runs/test_error_bars.py
runs/test_own_circuit.py
runs/test_representations.py
scripts
simulation/test_batches.py
simulation/test_density.py::test_memory_does_not_change_the_numbers
simulation/test_density.py::test_values_are_those_of_qiskit
stats/test_breakdown.py::test_the_interval_covers_the_true_level
stats/test_sign_flip.py
stats/test_verdicts.py
studies/kernel/test_kernel.py::test_from_tasks_to_figures
studies/noise
studies/report/test_figures.py
studies/test_adaptive.py::test_a_device_is_recalibrated_day_by_day
studies/test_balance.py::test_from_tasks_to_figures
studies/test_boundary.py::test_the_study_runs_and_draws
studies/test_efficiency.py
studies/test_experts.py
studies/test_private.py::test_tasks_repeat_and_draw
studies/training/test_feasibility.py
studies/training/test_train_task.py
test_contributing.py
test_docs.py::test_examples_run
test_structure.py::test_no_files_import_each_other_in_a_circle
train/export
train/loop/test_progress.py::test_a_long_fit_shows_a_bar_and_an_interrupt_removes_it
train/on_device/test_training.py
train/private/test_accounting.py::test_noise_spends_the_budget_and_no_more
train/private/test_private_fit.py::test_record_of_what_was_spent
train/stored/test_resume.py
train/stored/test_saving.py
train/stored/test_state.py::test_a_changed_config_is_refused_or_harmless
train/test_continuing.py::test_calls_of_partial_fit_are_a_loop_of_torchs
train/test_estimator_contract.py
train/test_learning.py
train/test_noise.py
train/test_projection.py::test_saved_and_exported
train/test_scikit_learn.py
train/test_slots.py::test_rows_run_in_slots_and_the_model_keeps_them
train/test_weights.py
""",
    "process": """
cli/test_stdout.py
hardware/jobs
hardware/ledger/test_crash.py
studies/engine/test_dask_cluster.py
studies/engine/test_kill.py
studies/engine/test_processes.py
studies/report/test_browser.py
test_docs.py::test_the_trial_of_readme_in_a_clean_shell
test_leak_check.py
test_packaging.py
train/on_device/test_kills.py
""",
    "service": """
backends/runtime/test_service.py
hardware/cost/test_estimate_service.py
hardware/jobs
ibm_service_tests
test_docs.py::test_examples_run
train/on_device/test_kills.py
""",
    "trial": """
backends/test_all_fakes.py::test_every_fake[fake_fez]
cli/commands/applications/test_drift.py::test_a_plan_is_that_of_python
cli/commands/surrogates/test_surrogate.py::test_export
cli/hardware/test_shot_plan.py::test_the_commands_execute_what_was_planned
cli/studies/test_full_disk.py::test_the_index_of_several_reports
federated/test_nvflare.py::test_a_site_is_killed
moe/torch_behaviour/test_processes.py::test_child_processes[forkserver-layer]
moe/torch_behaviour/test_recorded.py::test_compiled_without_a_break[aot_eager-layer-False]
noise_profiles/capture/test_exported.py::test_properties_as_json_and_as_an_object[FakeKingston]
runs/test_attack.py::test_attack_succeeds_on_its_control[digits]
scripts/test_reproduce_paper.py::test_every_figure_of_the_paper_is_made_by_one_command
simulation/test_batches.py::test_memory_does_not_change_the_numbers[torch-a chunk per sample]
studies/engine/test_dask_cluster.py::test_a_cluster_gives_what_this_machine_gives_though_a_worker_is_killed
studies/engine/test_kill.py::test_killed_at_random_moments_it_loses_nothing_and_finds_the_same_bit_for_bit
studies/noise/test_noise.py::test_the_whole_study
studies/test_private.py::test_tasks_repeat_and_draw
test_leak_check.py::test_a_run_that_leaks_fails[two workers]
train/export/test_export.py::test_without_qiskit
train/on_device/test_training.py::test_an_interrupted_training_ends_as_an_undisturbed_one
""",
}
COSTS: dict[str, set[str]] = {}
for _mark, _places in MARKS.items():
    for _place in _places.strip().split("\n"):
        COSTS.setdefault(_place, set()).add(_mark)
