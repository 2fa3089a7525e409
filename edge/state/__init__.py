"""The station's state: owned by the core thread."""
