"""The chips on the HAT's I2C bus: their registers and how to tell that one has died."""
