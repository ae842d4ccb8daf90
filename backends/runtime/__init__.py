"""The runtime backend: IBM Quantum's primitives, on a device or on a fake of one."""
