"""Files: atomic writes, checked JSON documents, versions of libraries."""
