"""Figures on disk, and colours that survive a black-and-white printer."""

from __future__ import annotations

import stat
import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.figures import figure_bytes, loss_curves_figure, save_figure
from qmoe_qiskit.figures.style import HATCHES, MARKERS, edge_of, fitted, ordered_colours, paled

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

SVG = "{http://www.w3.org/2000/svg}"
LUMINANCE = np.array([0.299, 0.587, 0.114])


@pytest.fixture
def figure() -> Figure:
    return loss_curves_figure({"hybrid": [{"epoch": 1, "train_loss": 0.5}]})


def png_chunks(content: bytes) -> dict[str, bytes]:
    """Return the chunks of a PNG file by type, as the PNG specification lays them out."""
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        chunks[content[at + 4 : at + 8].decode()] = content[at + 8 : at + 8 + length]
        at += 12 + length
    return chunks


def test_a_saved_figure_is_a_png_of_150_dpi_that_names_no_version(
    figure: Figure, tmp_path: Path
) -> None:
    path = tmp_path / "loss.png"
    save_figure(figure, path)
    chunks = png_chunks(path.read_bytes())
    width, height = struct.unpack(">II", chunks["IHDR"][:8])
    assert (width, height) == tuple((figure.get_size_inches() * 150).astype(int))
    assert set(chunks) == {"IHDR", "pHYs", "IDAT", "IEND"}
    assert [child.name for child in tmp_path.iterdir()] == ["loss.png"]
    (tmp_path / "plain").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.parametrize("file_format", ["svg", "pdf"])
def test_other_formats_are_deterministic_and_name_no_version(
    figure: Figure, file_format: str
) -> None:
    content = figure_bytes(figure, file_format)
    same = loss_curves_figure({"hybrid": [{"epoch": 1, "train_loss": 0.5}]})
    assert figure_bytes(same, file_format) == content
    for told in (mpl.__version__, "Matplotlib", str(datetime.now(UTC).year)):
        assert told.encode() not in content
    if file_format == "svg":
        root = ET.fromstring(content)  # noqa: S314 - it is ours
        texts = {text.text for text in root.iter(f"{SVG}text")}
        assert figure.axes[0].get_xlabel() in texts
    else:
        assert content.startswith(b"%PDF")


def test_an_unknown_format_is_refused(figure: Figure, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown format of figures 'jpg': known are pdf, png"):
        save_figure(figure, tmp_path / "loss.jpg")


def test_a_figure_is_replaced_whole_or_not_at_all(figure: Figure, tmp_path: Path) -> None:
    path = tmp_path / "loss.png"
    path.write_bytes(b"earlier")
    figure.axes[0].set_title("$\\nonsense{$", parse_math=True)
    with pytest.raises(ValueError, match="nonsense"):
        save_figure(figure, path)
    assert path.read_bytes() == b"earlier"
    assert [child.name for child in tmp_path.iterdir()] == ["loss.png"]
    figure.axes[0].set_title("")
    save_figure(figure, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_missing_folder_is_an_error(figure: Figure, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save_figure(figure, tmp_path / "missing" / "loss.png")


@pytest.mark.parametrize("count", [1, 2, 4, 10])
def test_colours_keep_their_order_in_grey(count: int) -> None:
    colours = ordered_colours(count)
    grey = np.array(colours) @ LUMINANCE
    behind = np.array([paled(colour) for colour in colours]) @ LUMINANCE
    assert np.all(np.diff(grey) > 0)
    assert np.all(np.diff(behind) > 0)
    # A held-out point's edge stands out from its own region.
    edges = np.array([1.0 if edge_of(colour) == "white" else 0.1 for colour in colours])
    assert np.all(np.abs(edges - behind) > 0.15)


def test_ten_classes_differ_without_colour() -> None:
    assert len(set(MARKERS)) == len(MARKERS) >= 10
    assert len(set(HATCHES)) == len(HATCHES) >= 10


def test_text_is_fitted_to_one_line() -> None:
    assert fitted("a\n b", 10) == "a b"
    assert fitted("0123456789", 10) == "0123456789"
    assert fitted("0123456789a", 10) == "012345678…"
