"""Servers: the doors through which people and machines see and command the station."""
