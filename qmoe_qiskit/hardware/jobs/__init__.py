"""The life of a job: submission, recovery, rate limits, collection, cancellation."""
