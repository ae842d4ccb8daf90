"""The program `qmoe`: its commands, and how it reports errors.

Commands load what they need when they run: `qmoe --help` must answer at once.
"""

import gc
import io
import logging
import os
import signal
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from qmoe_qiskit.cli.commands.applications.attack import attack
from qmoe_qiskit.cli.commands.applications.federate import federate
from qmoe_qiskit.cli.commands.applications.recalibrate import recalibrate
from qmoe_qiskit.cli.commands.applications.stream import stream
from qmoe_qiskit.cli.commands.compare import compare
from qmoe_qiskit.cli.commands.demo import demo
from qmoe_qiskit.cli.commands.estimate import estimate
from qmoe_qiskit.cli.commands.evaluate import evaluate
from qmoe_qiskit.cli.commands.info import info
from qmoe_qiskit.cli.commands.insight.diagnose import diagnose
from qmoe_qiskit.cli.commands.insight.explain import explain
from qmoe_qiskit.cli.commands.jobs import jobs
from qmoe_qiskit.cli.commands.noise import noise
from qmoe_qiskit.cli.commands.packed.crosstalk import crosstalk
from qmoe_qiskit.cli.commands.packed.slots import slots
from qmoe_qiskit.cli.commands.predict import predict
from qmoe_qiskit.cli.commands.profiles import profiles
from qmoe_qiskit.cli.commands.report import report
from qmoe_qiskit.cli.commands.study import study
from qmoe_qiskit.cli.commands.submit import submit
from qmoe_qiskit.cli.commands.surrogates.export import export
from qmoe_qiskit.cli.commands.surrogates.surrogate import surrogate
from qmoe_qiskit.cli.commands.train import train
from qmoe_qiskit.cli.first_word import first_word
from qmoe_qiskit.cli.stdout import checked_stdout
from qmoe_qiskit.errors import InputError, QMoEError

_WORDS = f"{__name__}.words"


class _Commands(TyperGroup):
    """Commands whose expected errors are one sentence and exit code 2."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - see invoke
        ctx.meta[_WORDS] = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's context, whose class has moved
        try:
            _check_unicode(ctx.meta[_WORDS])
            return super().invoke(ctx)
        except QMoEError as error:
            typer.echo(f"error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(2) from error


def _check_unicode(words: list[str]) -> None:
    """Refuse what no file and no answer of the program could hold: bytes that are not UTF-8."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise InputError(
                f"the argument {word!r} is not valid Unicode: rename the file, or write it in UTF-8"
            ) from None


app = typer.Typer(
    cls=_Commands,
    help="Mixture-of-experts models whose router is a quantum circuit.",
    epilog="Exit codes: 0 done, 2 not accepted (the message says why), 74 the output was not "
    "taken (a full disk), 130 interrupted, 141 a closed pipe.",
    no_args_is_help=True,
    # Unexpected errors keep Python's own traceback, which a report should contain.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
_GROUPS = {
    "Models": (
        *(demo, train, evaluate, predict, explain, surrogate, export, info, compare, diagnose),
    ),
    "Applications": (federate, attack, stream, recalibrate),
    "Noise": (noise, profiles),
    "Quantum hardware": (slots, estimate, submit, jobs, crosstalk),
    "Studies": (study, report),
}
for _panel, _commands in _GROUPS.items():
    for _command in _commands:
        if isinstance(_command, typer.Typer):
            app.add_typer(_command, rich_help_panel=_panel)
        else:
            app.command(rich_help_panel=_panel)(_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"qmoe {version('qmoe-qiskit')}")
        raise typer.Exit


@app.callback()
def _program(
    ctx: typer.Context,
    *,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Show on stderr what the program does, with times."),
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback has printed it
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print version."),
    ] = False,
) -> None:
    log = logging.getLogger("qmoe_qiskit")
    handler = logging.StreamHandler() if verbose else logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if verbose else logging.NOTSET)

    def restore() -> None:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)

    ctx.call_on_close(restore)


def main() -> None:
    """Run the program with the arguments that it was started with."""
    # The models are small: handing work to a second thread takes longer than the work. A training
    # step of the demo takes 4 times longer with two threads than with one; with 12 qubits it still
    # takes 1.5 times longer. Also, sums then have the same order on any number of cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Most of a short command is imports, of which hardly anything is garbage: looking for it with
    # Python's own thresholds takes a tenth to a quarter of their time.
    gc.set_threshold(50_000, 20, 100)
    # A shell without job control starts background programs with SIGINT ignored; a training that is
    # asked to stop must stop, whoever started it: nothing is lost.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A character that a terminal cannot show becomes an escape instead of an error.
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(errors="backslashreplace")
    with checked_stdout(), first_word(_first_word(sys.argv)):
        app(prog_name="qmoe")


def _first_word(arguments: list[str]) -> str:
    """Return what a terminal shows until the command says something."""
    command = next((word for word in arguments[1:] if not word.startswith("-")), "")
    listed = [one for group in _GROUPS.values() for one in group]
    known = {one.info.name if isinstance(one, typer.Typer) else one.__name__ for one in listed}
    return f"qmoe {command}: loading ..." if command in known else ""
