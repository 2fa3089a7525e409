"""A printer's thread: layout, sending, and the proof that paper came out."""
