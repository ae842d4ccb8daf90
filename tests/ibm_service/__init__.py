"""A loopback IBM Quantum service: what the real qiskit-ibm-runtime client calls, on 127.0.0.1.

    with IBMService() as ibm:                      # a free port, a thread of its own
        os.environ.update(ibm.environment())       # in tests: monkeypatch.setenv
        service = QiskitRuntimeService()           # the real, unmodified client
        backend = service.backend("ibmq_manila")   # or "ibm_torino", 133 qubits
        job = Estimator(backend).run([...])
        job.result()
        ibm.jobs[0].executions, ibm.jobs[0].charge # what arrived, and what it cost in QPU seconds

Jobs run in order in one worker thread: Aer under the noise profile of the device, with results that
depend on the program's content only. Circuits run as submitted: qubits idle without decay unless
there are delays. Failures are armed beforehand, see `ibm_service.faults`:

    ibm.faults.arm("drop", on="POST /jobs", when="after")        # job created, answer lost
    ibm.faults.arm("answer", on="GET /jobs/*", status=503, times=2)

As a process of its own: `python tests/ibm_service --device ibm_torino`.

All that jobs need is imported with the package, by the thread that imports the package: requests
have threads of their own, and Qiskit crashes once the thread that imported it has ended.
"""

from __future__ import annotations

from ibm_service.faults import Fault, Faults
from ibm_service.service import IBMService
from ibm_service.store import Job

__all__ = ["Fault", "Faults", "IBMService", "Job"]
