"""Probes of temperature and humidity: one file per wire format; helpers begin with an underscore."""
