"""The hardware: what reads the HAT's chips and drives its pins, on the Pi and in simulation."""
