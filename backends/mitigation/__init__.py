"""Error mitigation: readout correction, gate folding and zero-noise extrapolation."""
