"""A progress bar in a notebook, which needs IPython alone: no widgets, no thread."""

import sys
from importlib import import_module
from typing import Any


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, whose output shows HTML."""
    # Whoever runs in a kernel has loaded IPython; nobody else needs it.
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class NotebookBar:
    """A bar in the output of the running cell, as HTML, and as text where HTML is not shown.

    Args:
        total: Number of steps.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._handle: Any = None

    def show(self, done: int, remark: str) -> None:
        """Draw the bar, or draw it anew.

        Args:
            done: Number of steps that are done.
            remark: The text after the bar, in plain characters without HTML.
        """
        text = f"training: epoch {done} of {self._total}, {remark}"
        bar = f'<progress max="{self._total}" value="{done}"></progress>'
        bundle = {"text/plain": text, "text/html": f"<div>{bar} {text}</div>"}
        if self._handle is None:
            display = import_module("IPython.display").display
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
