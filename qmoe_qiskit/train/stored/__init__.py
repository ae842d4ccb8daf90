"""What is stored of an estimator: a training in progress, and the fitted model as plain data."""
