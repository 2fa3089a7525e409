"""Probes of temperature and humidity, one row a model."""

from drivers.model import Model

MODELS = (
    Model("ds18b20", "Maxim", "DS18B20 thermometer on 1-Wire", "w1_thermometer"),
    Model("xy-md02", "", "XY-MD02 and other SHT20 probes with Modbus RTU", "modbus_sht20"),
    Model("dam-pt100", "", "DAM and other PT100 modules with Modbus RTU, 1 to 16 channels", "pt100"),
)
