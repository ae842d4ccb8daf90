"""Options that are declared once and given to several commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import typer

Command = Callable[..., None]


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
    """
    declared = typer.Option(
        default,
        flag or f"--{name.replace('_', '-')}",
        metavar=metavar,
        help=text,
        rich_help_panel=panel,
    )
    annotation = kind | None if default is None else kind
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=declared, annotation=annotation)
