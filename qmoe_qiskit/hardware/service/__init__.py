"""The connection to the IBM Quantum service: client, sessions, errors, timeouts."""
