"""The study `kernel`."""
