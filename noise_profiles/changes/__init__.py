"""Profiles made from profiles: scaled, drifted, restricted, compared."""
