"""Simulated wires: ptys, sockets, USB, and what goes wrong on them."""
