"""Label scales that tell what they have sold by themselves: one file per wire format."""
