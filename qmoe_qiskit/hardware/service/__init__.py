"""The connection to IBM Quantum: the account, its jobs and sessions, retries and errors."""
