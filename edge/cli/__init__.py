"""The command `marketedge`, a file a command."""
