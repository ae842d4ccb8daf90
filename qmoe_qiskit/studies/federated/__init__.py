"""The study `federated`."""
