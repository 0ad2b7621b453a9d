"""What answers a system's turn."""
