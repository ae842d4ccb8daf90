"""Where a router circuit runs."""
