"""What runs on a device would cost, as JSON and for people."""
