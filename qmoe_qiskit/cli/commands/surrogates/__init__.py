"""Commands that measure surrogates and that write models without circuits."""
