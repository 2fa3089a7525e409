"""station.toml: its sections, and its mistakes in words."""
