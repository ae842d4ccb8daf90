"""Devices that execute work: IBM Quantum devices, local fakes, and recorded results."""
