"""What several analyzers' formats are made of; no format of its own."""
