"""The output of commands: documents, tables, progress."""
