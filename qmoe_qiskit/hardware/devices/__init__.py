"""Devices that execute work: IBM Quantum, a local fake, results stored in the ledger."""
