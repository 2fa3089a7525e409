"""What whoever looks after stations needs: alarms, a dashboard, and a bundle that can be given away."""
