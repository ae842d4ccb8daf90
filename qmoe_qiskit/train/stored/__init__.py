"""What is stored of an estimator: checkpoints of its training, and the fitted model as plain data."""
