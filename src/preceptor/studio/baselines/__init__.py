"""What physicians themselves answer to accepted tasks."""
