"""What the HTML pages of this project share: their look, and figures within the page.

A page is one file without scripts, which a browser shows without a network.
"""

import struct
from base64 import b64encode
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from qmoe_qiskit.figures.style import DPI

_CSS_DPI = 96


def embedded(png: bytes) -> dict[str, Any]:
    """Return a PNG file as a data URI with its size on the page, in CSS pixels."""
    width, height = struct.unpack(">II", png[16:24])
    return {
        "uri": f"data:image/png;base64,{b64encode(png).decode()}",
        "width": round(width * _CSS_DPI / DPI),
        "height": round(height * _CSS_DPI / DPI),
    }


def environment(package: str) -> Environment:
    """Return the templates of a package, which may include "page.css"."""
    packages = (package, "qmoe_qiskit.figures.pages")
    # Names and sentences come from users: only the templates themselves are markup.
    return Environment(
        loader=ChoiceLoader([PackageLoader(name, "templates") for name in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
