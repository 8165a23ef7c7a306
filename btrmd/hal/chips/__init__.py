"""The I2C bus of the HAT and its chips: each driver with its simulated twin beside it."""
