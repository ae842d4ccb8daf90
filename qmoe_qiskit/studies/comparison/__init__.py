"""The study of `qmoe compare`: routers on one's own data, seed by seed."""
