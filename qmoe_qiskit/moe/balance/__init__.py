"""Losses, a bias and numbers of how evenly the rows are spread over the experts."""
