"""Figures of devices: coupling maps, couplers, histograms of errors."""
