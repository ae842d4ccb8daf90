"""Commands that analyse circuits and models."""
