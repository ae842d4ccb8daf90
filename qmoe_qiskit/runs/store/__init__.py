"""The folder of a run: manifest, loading and writing."""
