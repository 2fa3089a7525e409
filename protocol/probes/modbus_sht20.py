"""Temperature and humidity probe with an SHT20 sensor, Modbus RTU (XY-MD02 and its many kin).

    01 04  00 01  00 02  20 0B            input registers 1 and 2
    01 04  04  00 2D  02 58  6B 17        4.5 degrees Celsius, 60.0 %
               |      register 2: relative humidity x 10
               register 1: temperature x 10, two's complement: FFCE is -5.0

9600/8n1, device 1 as delivered; holding registers 0101 and 0102 hold address and baud rate, and are left alone.
Frames carry a CRC-16.

What a board says whose sensor is not there is no reading: a humidity above 100.0 %, a temperature outside the sensor's
-40 to 125 degrees, and 03FF (102.3 degrees: a ten-bit converter at its end; our choice, for no store is that hot).
Source: Modbus Application Protocol V1.1b3; public drivers of the XY-MD02; Sensirion SHT20 data sheet (range).
"""

from decimal import Decimal
from typing import Literal

from protocol import modbus
from protocol.formats import WireFormat
from protocol.link import Link
from protocol.modbus import Block, BlockDecoder, Framing, Master, Registers
from protocol.options import FormatOptions, FramingOption, Patience, Poll
from protocol.readings import Event, Garbage, Measured
from protocol.registers import Address, NumberField

FUNCTION: Literal[4] = 4
TEMPERATURE = NumberField(register=1, function=FUNCTION, type="int16", decimals=1)
HUMIDITY = NumberField(register=2, function=FUNCTION, type="uint16", decimals=1)
BLOCK = Block(FUNCTION, 1, 2)
ALL_WET = Decimal(100)
LOWEST, HIGHEST = Decimal(-40), Decimal(125)
NO_SENSOR = Decimal(0x03FF).scaleb(-1)


def read(registers: Registers, raw: bytes) -> list[Event]:
    """What the two registers say; both have the same frame."""
    temperature, humidity = TEMPERATURE.number(registers), HUMIDITY.number(registers)
    if temperature is None or humidity is None or humidity > ALL_WET:
        return [Garbage(raw, f"a humidity of {humidity} % cannot be: is the sensor there?")]
    if not LOWEST <= temperature <= HIGHEST or temperature == NO_SENSOR:
        return [Garbage(raw, f"{temperature} degrees cannot be: is the sensor there?")]
    return [Measured("temperature", temperature, "°C", raw=raw), Measured("humidity", humidity, "%", raw=raw)]


def encode(temperature: Decimal, humidity: Decimal) -> dict[tuple[int, int], int]:
    """The registers that say this; raises ValueError when it does not fit."""
    return TEMPERATURE.encode(temperature) | HUMIDITY.encode(humidity)


class Reading(FormatOptions):
    framing: FramingOption = "rtu"


class Options(Reading):
    address: Address = 1
    poll: Poll = 5.0
    patience: Patience = 1.0


def decoder(options: Reading) -> BlockDecoder:
    return BlockDecoder(Framing(options.framing), BLOCK, read)


def session(options: Options) -> Master:
    """Asks every ``poll`` seconds; two probes on one line need different addresses, and a station one port for each."""
    framing = Framing(options.framing)
    return Master(
        (BLOCK,), read, address=options.address, framing=framing, poll=options.poll, patience=options.patience
    )


FORMAT = WireFormat(
    id="modbus_sht20",
    kind="probe",
    title="SHT20 temperature and humidity probe (XY-MD02), Modbus RTU",
    link=Link(9600),
    polled=True,
    checked=True,
    confidence="medium",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Reading,
    questions=(modbus.question(Framing.RTU, 1, BLOCK),),
)
