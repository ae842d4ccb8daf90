"""The loop that trains a module: skorch's, with its optimizers, losses and callbacks."""
