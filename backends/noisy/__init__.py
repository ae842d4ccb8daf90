"""The noisy backend: a device's calibration, evaluated exactly or by Aer's shots."""
