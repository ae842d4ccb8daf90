"""Private runs: their options, and the attack that tries to tell their rows from others."""
