"""A comparison under noise: trained and tested ideal, noisy, and on a later calibration."""
