"""Studies: frozen tasks, their results on disk, and what they say, with intervals and verdicts."""
