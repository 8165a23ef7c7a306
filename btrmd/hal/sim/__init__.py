"""The simulated HAT: register-level chips and mock pins over a plant."""
