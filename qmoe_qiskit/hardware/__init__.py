"""Jobs for quantum hardware: options, estimate, submission exactly once, ledger, collection.

Every module logs to `logging.getLogger(__name__)`: INFO for events that an operator follows (a job
was recorded, created, recovered, ended), WARNING for lost answers and duplicates, DEBUG for each
look at a job. Nothing is shown unless the application installs a handler. Logs never hold tokens.

Shapes: P points, G angles of a point, O observables, S shots, N qubits of the router.
"""

import logging

logging.getLogger("qmoe_qiskit").addHandler(logging.NullHandler())
