"""The embedded stack for development and tests; never deployed."""
