"""The commands for data and devices that drift."""
