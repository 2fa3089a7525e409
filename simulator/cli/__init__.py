"""The command `marketsim`, a file a group of commands."""
