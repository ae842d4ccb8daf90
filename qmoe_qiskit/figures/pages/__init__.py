"""Pages in HTML: their look, and the figures that only pages show."""
