"""`qmoe federate`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.options.training import TrainingOptions, training_options, training_request
from qmoe_qiskit.cli.output.documents import console, remark, write_json
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.runs.private.options import OF_PRIVACY

if TYPE_CHECKING:
    from qmoe_qiskit.federated.privacy import ClientPrivacy
    from qmoe_qiskit.federated.results import FederatedRun, Round

_option = partial(common.option, panel="Federation")
_private = partial(common.option, panel="Privacy of clients")
_OPTIONS = [
    _option("clients", int, "Number of clients.", default=8),
    _option(
        "partition",
        str,
        "How rows are dealt out: iid, dirichlet:A (labels differ by client, a small A more so), "
        "labels (two shards of sorted labels each) or rotate (a plane turned by client).",
        default="iid",
    ),
    _option(
        "share",
        str,
        "What clients share: all, router or experts; none for clients that each train alone.",
        default="all",
    ),
    _option(
        "method",
        str,
        "fedavg, or fedprox:MU with a pull to the shared weights.",
        default="fedavg",
    ),
    _option("rounds", int, "Number of rounds.", default=20),
    _option("local_epochs", int, "Passes of a client over its rows per round.", default=1),
    _option("drop_rate", float, "Probability that a client misses a round.", default=0.0),
    _option(
        "min_clients", int, "Fewest clients with which a round counts; by default 2, or 1 of 1."
    ),
    _option(
        "bounds",
        str,
        "Range of all features, such as 0,16, or of each, such as 0,1;-2,2. Clients agree on it "
        "before the first round; built-in data have one.",
        "LOW,HIGH[;...]",
    ),
    _option(
        "engine",
        str,
        "local (all clients in this process) or nvflare (a process for each on this machine).",
        default="local",
    ),
    _option("timeout", float, "Seconds that --engine nvflare waits for a client.", default=600.0),
    _private(
        "noise_multiplier",
        float,
        "Noise on the sum of the clients' changes, as a multiple of --max-norm.",
    ),
    _private("max_norm", float, "Largest norm of a client's change.", default=1.0),
    _private("sample_rate", float, "Probability that a client takes part.", default=1.0),
    _private("delta", float, "Probability with which the guarantee may fail.", default=1e-5),
]
_LEFT_OUT = (
    "task", "control", "max_epochs", "early_stopping", "patience", "budget", "steps", "method",
    "slots", "init", *OF_PRIVACY,
)  # fmt: skip


@common.give_options("federation", _OPTIONS)
@training_options(without=_LEFT_OUT)
def federate(
    *,
    training: TrainingOptions,
    federation: dict[str, Any],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of checkpoints and models; by default runs/federated-DATA."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training in --out, same options.")
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Train one model on the rows of several clients, which share weights and no rows.

    A common test set is held out first; each client then holds out the same share of its own rows.
    """
    from qmoe_qiskit import federated
    from qmoe_qiskit.data.table import stem_of

    request = training_request(training)
    _, split = request.load()
    parts = federated.partition(
        split.train, federation["clients"], federation["partition"], seed=request.seed
    )
    out = out or Path("runs") / f"federated-{stem_of(request.data)}"
    try:
        run = federated.federate(
            request.estimator(request.router, verbose=False),
            parts,
            share=federation["share"],
            method=federation["method"],
            rounds=federation["rounds"],
            epochs=federation["local_epochs"],
            drop=federation["drop_rate"],
            min_clients=federation["min_clients"],
            seed=request.seed,
            bounds=_bounds_from(federation["bounds"]),
            test=split.test,
            test_fraction=request.test_fraction,
            privacy=_privacy_from(federation),
            engine=federation["engine"],
            out=out,
            resume=resume,
            timeout_s=federation["timeout"],
            report=_report,
        )
    except KeyboardInterrupt:
        remark("interrupted: finished rounds are kept, go on with the same command and --resume")
        raise typer.Exit(130) from None
    if as_json:
        write_json(_document(run, out))
        return
    _show(run, out)


def _bounds_from(text: str | None) -> list[list[float]] | None:
    """Read bounds from an option.

    Raises:
        InputError: If the text is no list of pairs.
    """
    if text is None:
        return None
    try:
        pairs = [[float(end) for end in pair.split(",")] for pair in text.split(";")]
    except ValueError:
        pairs = []
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise InputError(
            f"--bounds must be a pair of numbers such as 0,16, or pairs such as 0,1;-2,2, got "
            f"{text!r}"
        )
    return pairs


def _privacy_from(federation: dict[str, Any]) -> ClientPrivacy | None:
    if federation["noise_multiplier"] is None:
        return None
    from qmoe_qiskit.federated import ClientPrivacy

    names = ("noise_multiplier", "max_norm", "sample_rate", "delta")
    return ClientPrivacy(**{name: federation[name] for name in names})


def _report(one: Round) -> None:
    """Say on stderr which clients a round went on without."""
    if one.missing:
        missing = "; ".join(f"{name}: {why}" for name, why in one.missing.items())
        remark(f"note: round {one.number} went on without {missing}")


def _document(run: FederatedRun, out: Path) -> dict[str, Any]:
    last = run.rounds[-1]
    return {
        "out": str(out),
        "share": run.share,
        "method": run.method,
        "epsilon": run.epsilon,
        "bytes_sent": last.bytes_sent,
        "bytes_received": last.bytes_received,
        "clients": [
            {
                "name": name,
                "rows": run.n_rows.get(name),
                "own_accuracy": last.own.get(name),
                "common_accuracy": last.common.get(name),
                "model": str(out / "sites" / name / "model.safetensors"),
            }
            for name in run.models
        ],
        "rounds": [
            {
                "number": one.number,
                "clients": list(one.clients),
                "missing": dict(one.missing),
                "loss": None if one.loss != one.loss else one.loss,
                "own_accuracy": one.mean_own if one.own else None,
                "common_accuracy": one.mean_common if one.common else None,
            }
            for one in run.rounds
        ],
    }


def _show(run: FederatedRun, out: Path) -> None:
    from qmoe_qiskit.cli.output.tables import open_table

    last, screen = run.rounds[-1], console()
    table = open_table(
        "client",
        numbers=("training\nrows", "accuracy on\nown held-out rows", "accuracy on\ncommon rows"),
    )
    for name in run.models:
        table.add_row(
            name,
            str(run.n_rows[name]),
            f"{last.own[name]:.3f}",
            f"{last.common[name]:.3f}",
        )
    table.add_row("mean", "", f"{last.mean_own:.3f}", f"{last.mean_common:.3f}")
    screen.print(table)
    screen.print(
        f"{len(run.rounds)} rounds, shared: {run.share}, {run.method}; per round and client "
        f"{last.bytes_sent} bytes sent, {last.bytes_received} received"
    )
    if run.epsilon is not None:
        screen.print(f"Privacy of clients: epsilon {run.epsilon:.3g}")
    screen.print(f"Models: {out / 'sites'}", soft_wrap=True)
