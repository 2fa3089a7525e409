"""Dayuan's own records and packets, shared by its formats; no format of its own."""
