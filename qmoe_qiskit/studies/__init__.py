"""Studies: frozen tasks, their results on disk, and reports with intervals and verdicts."""
