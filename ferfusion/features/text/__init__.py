"""Features of what is said."""
