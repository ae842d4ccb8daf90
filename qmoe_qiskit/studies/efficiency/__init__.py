"""The study `efficiency`."""
