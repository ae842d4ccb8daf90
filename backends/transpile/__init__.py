"""From a router circuit to an ISA circuit: transpiled, placed, scheduled."""
