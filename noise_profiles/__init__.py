"""Calibration data of real devices, and the code that reads, checks, captures and scales it."""
