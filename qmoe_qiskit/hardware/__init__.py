"""Jobs for quantum hardware: options, estimate, submission exactly once, ledger, collection."""
