"""The ledger: a SQLite file that records what was to be sent, what was sent, and the results."""
