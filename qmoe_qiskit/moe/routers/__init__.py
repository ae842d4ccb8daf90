"""Routers: a quantum circuit, and its classical controls."""
