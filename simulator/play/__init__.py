"""A market day as data: scenarios read, played before a real station, and judged."""
