"""Modules for platinum thermometers (PT100), Modbus RTU: the DAM series and kin, one to sixteen channels.

    01 04  00 00  00 01  31 CA            input register 0: channel 1
    01 04  02  01 C2  39 31               450: 4.50 degrees Celsius
               |
               hundredths of a degree, two's complement: F8F8 is -18.00

Channel n stands in input register n - 1, up to 16; the same temperatures stand from 32h on as singles, which are not
needed.  A probe in station.toml is one channel: a module with several has one entry each, and each a line of its own
or the serial server's.  Frames carry a CRC-16.

What stands there while no sensor is connected is not documented.  The ends of the number (7FFF, 8000) and everything
below the -200 degrees of a PT100 are no reading; see what an open channel of yours says.

9600/8n1, device 1 as delivered.  A module also answers to FE whatever its address is, so that a lone one needs no
address; with which address it then answers is not said, so any is taken.
Source: manuals of DAM temperature modules; Modbus Application Protocol V1.1b3.
"""

from decimal import Decimal
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from protocol import modbus
from protocol.formats import WireFormat
from protocol.link import Link
from protocol.modbus import Block, BlockDecoder, Framing, Master, Registers
from protocol.options import FormatOptions, FramingOption, Patience, Poll
from protocol.readings import Event, Garbage, Measured
from protocol.registers import Address, NumberField

FUNCTION: Literal[4] = 4
CHANNELS = 16
LOWEST, END = Decimal(-200), Decimal(0x7FFF).scaleb(-2)


def field(channel: int) -> NumberField:
    """Where a channel's temperature stands."""
    return NumberField(register=channel - 1, function=FUNCTION, type="int16", decimals=2)


def read(channel: int, registers: Registers, raw: bytes) -> list[Event]:
    """What a channel's register says."""
    degrees = field(channel).number(registers)
    if degrees is None or not LOWEST <= degrees < END:
        return [Garbage(raw, f"{degrees} degrees cannot be: is the sensor there?")]
    return [Measured("temperature", degrees, "°C", raw=raw)]


def encode(temperature: Decimal, channel: int = 1) -> dict[tuple[int, int], int]:
    """The register that says this; raises ValueError when it does not fit."""
    return field(channel).encode(temperature)


class Reading(FormatOptions):
    framing: FramingOption = "rtu"


class Options(Reading):
    address: Annotated[
        Address | Literal[254], Field(description="of the module on its line; 254: whichever is there alone")
    ] = 1
    channel: Annotated[int, Field(ge=1, le=CHANNELS, description="which of the module's thermometers")] = 1
    poll: Poll = 5.0
    patience: Patience = 1.0


def decoder(options: Reading) -> BlockDecoder:
    return BlockDecoder(Framing(options.framing), Block(FUNCTION, 0, 1), partial(read, 1))


def session(options: Options) -> Master:
    """Asks for one channel every ``poll`` seconds."""
    return Master(
        (Block(FUNCTION, options.channel - 1, 1),),
        lambda registers, raw: read(options.channel, registers, raw),
        address=options.address,
        framing=Framing(options.framing),
        poll=options.poll,
        patience=options.patience,
    )


FORMAT = WireFormat(
    id="pt100",
    kind="probe",
    title="PT100 temperature modules (DAM series and kin), Modbus RTU",
    link=Link(9600),
    polled=True,
    checked=True,
    confidence="medium",
    decoder=decoder,
    session=session,
    options=Options,
    reading=Reading,
    questions=(modbus.question(Framing.RTU, 1, Block(FUNCTION, 0, 1)),),
)
