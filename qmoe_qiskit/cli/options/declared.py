"""Options that are declared once and given to several commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

Command = Callable[..., None]


def give_options(place: str, options: Sequence[inspect.Parameter]) -> Callable[[Command], Command]:
    """Return a decorator that gives options to a command.

    Args:
        place: Name of the command's parameter that the options replace; it receives a dictionary of
            their values.
        options: The options as parameters, whose annotation or default is a `typer.Option`.
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


def option(name: str, annotation: object, default: object = None) -> inspect.Parameter:
    """Return an option as a parameter."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)
