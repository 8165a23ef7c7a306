"""What one scan gives all machines: readings, set points, the step's context, its actions."""
