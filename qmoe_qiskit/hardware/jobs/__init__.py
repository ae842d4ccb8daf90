"""The life of a job: submit, collect, cancel, recover."""
