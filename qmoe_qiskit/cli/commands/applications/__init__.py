"""Commands of the three applications: federated, private and adaptive models."""
