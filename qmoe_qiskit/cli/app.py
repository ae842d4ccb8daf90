"""The program `qmoe`: its commands, and what happens to errors.

Commands load what they need when they run: `qmoe --help` must answer at once.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from qmoe_qiskit.cli.commands.demo import demo
from qmoe_qiskit.cli.commands.estimate import estimate
from qmoe_qiskit.cli.commands.evaluate import evaluate
from qmoe_qiskit.cli.commands.info import info
from qmoe_qiskit.cli.commands.jobs import jobs
from qmoe_qiskit.cli.commands.noise import noise
from qmoe_qiskit.cli.commands.predict import predict
from qmoe_qiskit.cli.commands.profiles import profiles
from qmoe_qiskit.cli.commands.report import report
from qmoe_qiskit.cli.commands.study import study
from qmoe_qiskit.cli.commands.submit import submit
from qmoe_qiskit.cli.commands.train import train
from qmoe_qiskit.errors import QMoEError


class _Commands(TyperGroup):
    """Commands whose expected errors are one sentence and exit code 2."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's context, whose class has moved
        try:
            return super().invoke(ctx)
        except QMoEError as error:
            typer.echo(f"error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(2) from error


app = typer.Typer(
    cls=_Commands,
    help="Mixture-of-experts models whose router is a quantum circuit.",
    epilog="Exit codes: 0 done, 2 not accepted (the message says why), 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    # Unexpected errors keep Python's own traceback: that is what a report should contain.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
for _command in (demo, train, evaluate, predict, info, noise, estimate, submit, study, report):
    app.command()(_command)
app.add_typer(profiles, name="profiles")
app.add_typer(jobs, name="jobs")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"qmoe {version('qmoe-qiskit')}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the program with the arguments that it was started with."""
    # The models are small: handing work to a second thread takes longer than the work. A training
    # step of the demo takes 4 times longer with two threads than with one, one of 12 qubits still
    # 1.5 times. Also, sums are then added up in the same order on any number of cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # A shell without job control has what it starts in the background ignore SIGINT; a training
    # that is asked to stop shall stop, whoever started it: nothing is lost.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # What a terminal cannot show is shown as an escape instead of ending the program.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="qmoe")
