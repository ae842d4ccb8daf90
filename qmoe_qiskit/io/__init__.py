"""Files: atomic writes, reasons of failed ones, checked JSON documents, library versions."""
