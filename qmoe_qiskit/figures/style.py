"""The look of every figure, and its file.

Colour never carries information alone: classes differ by marker, regions by hatching, curves by
marker and line style. The colours come from one map of rising lightness, so that they keep their
order in black and white and for the colour-blind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from matplotlib import colormaps, style
from matplotlib.figure import Figure

from qmoe_qiskit.errors import unknown_name
from qmoe_qiskit.io.atomic import write_atomically

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
    # Users name features, classes and models: a $ in a name is a dollar sign.
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "qmoe",  # names within a file would be random
}


# Formats of files, with what would name a version or a date in them.
_METADATA = {
    "png": ("Software",),
    "svg": ("Date", "Creator"),
    "pdf": ("CreationDate", "Creator", "Producer"),
}
FORMATS = tuple(_METADATA)


class ShownFigure(Figure):
    """A figure that a notebook shows by itself, pyplot or not."""

    def _repr_png_(self) -> bytes:
        return figure_bytes(self)


@contextmanager
def local_style() -> Iterator[None]:
    """Apply the style, on top of matplotlib's defaults, within a `with` block only."""
    # "default" first: a user's matplotlibrc must not change the bytes of a figure.
    with style.context(["default", _STYLE]):
        yield


def ordered_colours(count: int) -> list[RGB]:
    """Return `count` colours of rising lightness."""
    last = max(count - 1, 1)
    return [colormaps["viridis"](0.08 + 0.87 * i / last)[:3] for i in range(count)]


def paled(colour: RGB) -> RGB:
    """Return a colour mixed with white, as a background for points of that colour."""
    red, green, blue = (1.0 - 0.55 * (1.0 - part) for part in colour)
    return red, green, blue


def edge_of(fill: RGB) -> str:
    """Return the edge colour of a filled point: white on a dark fill, black on a light one."""
    red, green, blue = fill
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else INK


def hatch(index: int) -> str:
    """Return the hatching of a region."""
    return HATCHES[index % len(HATCHES)]


def fitted(text: object, width: int) -> str:
    """Return `text` on one line of at most `width` characters, cut with an ellipsis."""
    line = " ".join(str(text).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def figure_bytes(figure: Figure, file_format: str = "png") -> bytes:
    """Return a figure as a file: the same bytes for the same figure.

    Args:
        figure: The figure.
        file_format: "png" (at 150 dpi), "svg" (in which text stays text) or "pdf".

    Raises:
        InputError: If the format is unknown.
    """
    if file_format not in _METADATA:
        raise unknown_name("format of figures", file_format, _METADATA)
    content = BytesIO()
    with local_style():  # matplotlib reads some settings, such as the hatching's, when it draws
        metadata = dict.fromkeys(_METADATA[file_format])
        figure.savefig(content, format=file_format, dpi=DPI, metadata=metadata)
    return content.getvalue()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as `figure_bytes`, atomically.

    Args:
        figure: The figure.
        path: Path of the file in an existing folder, whose ending is the format; a file of that
            name is replaced.

    Raises:
        InputError: If the format is unknown.
        OSError: If the folder is missing or cannot be written to; no partial file remains.
    """
    write_atomically(path, figure_bytes(figure, path.suffix.removeprefix(".")))
