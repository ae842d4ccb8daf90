"""The commands of `qmoe`, one file per command."""
