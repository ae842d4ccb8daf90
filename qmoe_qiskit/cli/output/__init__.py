"""What the commands print: documents, tables, progress."""
