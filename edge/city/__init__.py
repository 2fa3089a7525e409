"""The way to the city: the window, the connection, and which of its answers count."""
