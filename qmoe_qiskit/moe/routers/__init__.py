"""Routers: a quantum circuit, its classical controls, and the table that names them."""
