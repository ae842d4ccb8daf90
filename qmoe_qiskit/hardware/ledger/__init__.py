"""The ledger (SQLite): every job is recorded before it is sent."""
