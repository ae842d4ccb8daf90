"""Differentially private training: DP-SGD with Poisson sampling, and what it has spent.

The guarantee is that of adding or removing one training row: (epsilon, delta) for the weights of
the trained model, whatever else is known. Opacus clips, adds noise and accounts; it is imported
when a training begins.
"""

from qmoe_qiskit.train.private.settings import Privacy
from qmoe_qiskit.train.private.spending import PrivacySpent

__all__ = ["Privacy", "PrivacySpent"]
