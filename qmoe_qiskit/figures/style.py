"""How every figure looks, and how it is written to disk.

Nothing is told by colour alone: classes differ by marker, regions by hatching, curves by marker
and line style; the colours come from one map of rising lightness, so that they keep their order in
black and white and for the colour-blind.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.figure import Figure

RGB = tuple[float, float, float]

DPI = 150
INK = "#1a1a1a"
MARKERS = ("o", "^", "s", "v", "D", "P", "X", "*", "<", ">")
HATCHES = ("", "//", "\\\\", "..", "xx", "--", "||", "++", "//..", "\\\\..")

_STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.linewidth": 0.8,
    "hatch.color": "#00000040",
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "legend.handleheight": 1.2,
    # Names of features, classes and models are the user's: a $ in them is a dollar sign.
    "text.parse_math": False,
}


@contextmanager
def local_style() -> Iterator[None]:
    """Apply the style, on top of matplotlib's defaults, for the length of a `with` block only."""
    from matplotlib import style

    # "default" first: a user's matplotlibrc must not change the bytes of a figure.
    with style.context(["default", _STYLE]):
        yield


def ordered_colours(count: int) -> list[RGB]:
    """Return `count` colours of rising lightness."""
    from matplotlib import colormaps

    last = max(count - 1, 1)
    return [colormaps["viridis"](0.08 + 0.87 * i / last)[:3] for i in range(count)]


def paled(colour: RGB) -> RGB:
    """Return a colour mixed with white, fit to lie behind points of that colour."""
    red, green, blue = (1.0 - 0.55 * (1.0 - part) for part in colour)
    return red, green, blue


def edge_of(fill: RGB) -> str:
    """Return the edge that a filled point needs to stand out: white if dark, black if light."""
    red, green, blue = fill
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else INK


def hatch(index: int) -> str:
    """Return the hatching of a region."""
    return HATCHES[index % len(HATCHES)]


def fitted(text: object, width: int) -> str:
    """Return `text` on one line of at most `width` characters, cut with an ellipsis."""
    line = " ".join(str(text).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def figure_bytes(figure: Figure) -> bytes:
    """Return a figure as PNG at 150 dpi: the same bytes for the same figure."""
    content = BytesIO()
    with local_style():  # some settings, such as the hatching's, are read when it is drawn
        # Without "Software" the file names neither a version nor a date.
        figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    return content.getvalue()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as `figure_bytes`, atomically.

    Args:
        figure: The figure.
        path: Where it goes, in a folder that exists; a file of that name is replaced.

    Raises:
        OSError: If the folder is missing or cannot be written to; nothing is left behind.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(figure_bytes(figure))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
