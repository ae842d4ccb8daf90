"""Noise profiles as JSON files: schema, checks, reading and writing."""
