"""Simulated printers: what they do with bytes, and what came out."""
