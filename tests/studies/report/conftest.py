"""What the tests of reports share with those of figures."""

from figures.conftest import assert_legible

__all__ = ["assert_legible"]
