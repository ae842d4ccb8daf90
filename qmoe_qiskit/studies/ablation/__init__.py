"""The study `ablation`."""
