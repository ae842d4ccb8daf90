"""The study `experts`."""
