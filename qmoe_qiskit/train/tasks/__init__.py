"""What a model learns to predict: labels or numbers."""
