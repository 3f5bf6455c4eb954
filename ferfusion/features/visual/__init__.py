"""Features of faces."""
