"""The commands of applications of the model."""
