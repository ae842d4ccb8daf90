"""A loopback IBM Quantum service on 127.0.0.1 for the real qiskit-ibm-runtime client.

    with IBMService() as ibm:                      # on a free port, in its own thread
        os.environ.update(ibm.environment())       # in tests: monkeypatch.setenv
        service = QiskitRuntimeService()           # the real, unmodified client
        backend = service.backend("ibmq_manila")   # or "ibm_torino", 133 qubits
        job = Estimator(backend).run([...])
        job.result()
        ibm.jobs[0].executions, ibm.jobs[0].charge # what arrived, and what it cost in QPU seconds

Jobs run in order in one worker thread: Aer simulates them with the noise profile of the device, and
the results depend only on the program's content. Circuits run as submitted: idle qubits do not
decay unless the circuit has delays. Faults are armed beforehand, see `ibm_service.faults`:

    ibm.faults.arm("drop", on="POST /jobs", when="after")        # job created, answer lost
    ibm.faults.arm("answer", on="GET /jobs/*", status=503, times=2)

As a separate process: `python tests/ibm_service --device ibm_torino`.

The package imports all modules that jobs need in the importing thread: requests have their own
threads, and Qiskit crashes once the thread that imported it has ended.
"""

from __future__ import annotations

from ibm_service.faults import Fault, Faults
from ibm_service.service import IBMService
from ibm_service.store import Job

__all__ = ["Fault", "Faults", "IBMService", "Job"]
