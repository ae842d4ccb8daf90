"""The study `boundary`."""
