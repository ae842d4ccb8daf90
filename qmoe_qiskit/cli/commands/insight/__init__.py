"""Commands that look into a model."""
