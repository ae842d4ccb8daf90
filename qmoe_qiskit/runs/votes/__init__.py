"""Votes of models with sampled routing: how their number decides the accuracy."""
