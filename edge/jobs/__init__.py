"""What people do at the station: the gate lets goods in, the stall sells them."""
