"""The study `noise`."""
