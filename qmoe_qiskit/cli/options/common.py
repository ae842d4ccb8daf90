"""Options and arguments that several commands share."""

import csv
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from qmoe_qiskit.backends import MITIGATIONS
from qmoe_qiskit.backends.open import backends_help
from qmoe_qiskit.cli.options import completion
from qmoe_qiskit.errors import InputError

Command = Callable[..., None]

BACKEND = f"Where the circuit runs: {backends_help('statevector', 'noisy')}."
SHOTS = "Number of shots per row; by default exact values."
DEVICE_QUBITS = (
    "Device qubits to run on, such as 65,66; by default those with the smallest expected error."
)

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, all else on stderr.")
]
FiguresFormat = Annotated[
    Literal["png", "svg", "pdf"],
    typer.Option("--figures-format", help="Format of the figures' files: png, svg or pdf."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing run.")]
ForceFile = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]
Seed = Annotated[int, typer.Option(help="Seed of split, initial weights and shuffling.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
# Options of evaluate and predict that replace the backend of training.
OtherBackend = Annotated[
    str | None,
    typer.Option(
        help="Replaces the backend of training, with its shots, mitigation and qubits. " + BACKEND,
        autocompletion=completion.backend,
    ),
]
OtherShots = Annotated[
    int | None,
    typer.Option(
        help="Number of shots per row; by default as in training, and with --backend exact values."
    ),
]
OtherMitigation = Annotated[
    str | None,
    typer.Option(help=f"{MITIGATIONS.help}. By default as in training, and with --backend none."),
]
OtherDeviceQubits = Annotated[
    str | None,
    typer.Option(
        metavar="Q,Q,...",
        help="Device qubits to run on; by default as in training, and with --backend those with "
        "the smallest expected error.",
    ),
]
SLOTS = (
    "How many rows to evaluate at once, each on qubits of its own: a number, or auto for as many "
    "as pay; by default one. See qmoe slots."
)
SPACING = "Number of idle qubits between slots; 1 by default."
Slots = Annotated[str | None, typer.Option(metavar="auto|N", help=SLOTS)]
Spacing = Annotated[int | None, typer.Option(help=SPACING)]
SurrogateFile = Annotated[
    Path | None,
    typer.Option(
        "--surrogate",
        metavar="FILE",
        help="What qmoe surrogate has measured stands in for the circuit: none is run.",
    ),
]


def slots_from(text: str | None) -> str | int | None:
    """Read a number of slots, or "auto", from an option.

    Raises:
        InputError: If the text is neither.
    """
    if text is None or text == "auto":
        return text
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputError(f"--slots must be auto or a number of at least 1, got {text!r}")
    return int(text)


def names_from(option_name: str, text: str | None) -> tuple[str, ...] | None:
    """Read the names of columns from an option; a name with a comma stands in quotes, as in CSV.

    Raises:
        InputError: If there is no name.
    """
    if text is None:
        return None
    try:
        (names,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        names = []
    if not names or not all(map(str.strip, names)):
        raise InputError(
            f"{option_name} must be names of columns separated by commas, such as a,b; got {text!r}"
        )
    return tuple(map(str.strip, names))


def bounds_from(text: str | None) -> tuple[float, ...] | None:
    """Read the two ends of a range from an option.

    Raises:
        InputError: If the text is not two numbers.
    """
    if text is None:
        return None
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise InputError(
            f"--bounds must be two numbers separated by a comma, such as 0,16, got {text!r}"
        ) from None
    return low, high


def surrogate_backend(backend: str | None, surrogate: Path | None) -> str | None:
    """Return the backend that --backend and --surrogate name together.

    Raises:
        InputError: If both are given.
    """
    if surrogate is None:
        return backend
    if backend is not None:
        raise InputError(
            f"--surrogate stands in for the circuit, which --backend {backend} would run: give one "
            "of them"
        )
    return f"surrogate:{surrogate}"


def qubits_from(text: str | None) -> tuple[int, ...] | None:
    """Read the numbers of qubits from an option.

    Raises:
        InputError: If the text is not a list of numbers separated by commas.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise InputError(
            f"--device-qubits must be numbers separated by commas, such as 65,66, got {text!r}"
        )
    return tuple(map(int, parts))


def give_options(place: str, options: Sequence[inspect.Parameter]) -> Callable[[Command], Command]:
    """Return a decorator that gives options to a command.

    Args:
        place: Name of the command's parameter that the options replace; it receives a dictionary of
            their values.
        options: The options, see `option`.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            parameters += options if parameter.name == place else [parameter]

        def with_options(**values: Any) -> None:  # noqa: ANN401 - whatever the options hold
            given = {option.name: values.pop(option.name) for option in options}
            command(**{place: given}, **values)

        with_options.__name__, with_options.__doc__ = command.__name__, command.__doc__
        with_options.__annotations__ = {}
        typed: Any = with_options
        typed.__signature__ = signature.replace(parameters=parameters)
        return with_options

    return decorate


def option(
    name: str,
    kind: Any,  # noqa: ANN401 - a type of Python
    text: str,
    metavar: str | None = None,
    *,
    default: object = None,
    flag: str | None = None,
    panel: str | None = None,
    complete: Callable[[str], list[str]] | None = None,
) -> inspect.Parameter:
    """Return an option as a parameter.

    Args:
        name: Name of the parameter.
        kind: Type of the value; an option whose default is None may also be left out.
        text: What the help says.
        metavar: Name of the value in the help; by default that of the type.
        default: Value of an option that is left out.
        flag: The option as users type it; by default that of the name.
        panel: Heading of the help under which the option stands.
        complete: Takes the beginning of a value to the values that a shell offers.
    """
    declared = typer.Option(
        default,
        flag or f"--{name.replace('_', '-')}",
        metavar=metavar,
        help=text,
        rich_help_panel=panel,
        autocompletion=complete,
    )
    annotation = kind | None if default is None else kind
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=declared, annotation=annotation)
