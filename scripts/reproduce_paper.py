"""Make the figures and tables of arXiv:2512.22296 again, with held-out data, seeds and controls.

    python scripts/reproduce_paper.py --seeds 20 --out runs/paper

Interrupted, the same command goes on. `--quick` is a small form of it. The report of each part lies
in its folder; `runs/paper/index.html` leads to all of them.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from qmoe_qiskit.errors import QMoEError, require_positive
from qmoe_qiskit.studies.engine.folder import prepare_folder
from qmoe_qiskit.studies.engine.processes import processes
from qmoe_qiskit.studies.engine.runner import Progress, run_tasks
from qmoe_qiskit.studies.engine.task import unique_tasks
from qmoe_qiskit.studies.registry import load_study
from qmoe_qiskit.studies.report.write import check_index, write_index
from qmoe_qiskit.studies.report_from_folder import report_results

PARTS = {
    "experts": "Phase 1: experts as circuits",
    "boundary": "Phase 2: decision boundary",
    "efficiency": "Phase 3A: accuracy by router parameters",
    "noise": "Phase 3B: depolarizing noise",
}


def main() -> None:
    """Read the arguments and run every part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--out", type=Path, default=Path("runs/paper"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", type=int)
    arguments = parser.parse_args()

    # Hours may follow: what is impossible is found now, before anything is written.
    if arguments.workers is not None:
        require_positive("--workers", arguments.workers)
    index = arguments.out / "index.html"
    check_index(index)
    steps = []
    for name in PARTS:
        study = load_study(name)
        settings = study.quick if arguments.quick else study.settings()
        n_seeds = study.seeds_to_decide(study.quick) if arguments.quick else 20
        if arguments.seeds is not None:
            n_seeds = require_positive("--seeds", arguments.seeds)
        tasks = study.tasks(settings, range(n_seeds))
        unique_tasks(tasks)
        steps.append((study, settings, range(n_seeds), tasks))

    entries = []
    for study, settings, seeds, tasks in steps:
        part, folder = PARTS[study.name], arguments.out / study.name
        prepare_folder(folder, study, settings, seeds, ["python", *sys.argv])
        open_executor = partial(processes, arguments.workers)
        results = run_tasks(tasks, folder, open_executor, report=partial(show, part))
        summary, _ = report_results(folder, study, settings, results)
        print(f"\n{part}\n" + "\n".join(f"- {verdict}" for verdict in summary.verdicts))
        entries.append((folder, study.name, study.title, summary))
    write_index(index, entries)
    print(f"\nReport: {index}")


def show(part: str, progress: Progress) -> None:
    """Show how far a part is, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r{part}: {progress.done} of {progress.total}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except QMoEError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: what is done is kept, the same command goes on")
