"""Benchmarks of the whole station, each beside a floor measured in the same run. See README.md here."""
