"""A port's thread: open, read, decode, hand to the inbox."""
