"""The study `balance`."""
