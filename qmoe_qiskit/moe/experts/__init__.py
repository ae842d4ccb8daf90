"""The experts of a mixture: linear layers, perceptrons, circuits, and what users add."""
