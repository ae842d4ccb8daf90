"""Capturing a noise profile from a backend: its target and its properties."""
