"""The study `private`."""
