"""The whole story on one machine: goods come in, the test passes, three sales, slips, and the city has it all."""
