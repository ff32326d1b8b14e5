"""Files as they come, one file a format: bytes in, items and refusals out."""
