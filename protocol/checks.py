"""Check bytes and check digits. All are pure; each names where it is used."""

from functools import reduce
from operator import xor


def xor8(data: bytes) -> int:
    """XOR of all bytes (Yaohua, CAS, Dibal)."""
    return reduce(xor, data, 0)


def _crc8_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte << 1) ^ (polynomial if byte & 0x80 else 0)
        table.append(byte & 0xFF)
    return tuple(table)


_CRC8_31 = _crc8_table(0x31)


def crc8_31(data: bytes) -> int:
    """CRC-8, polynomial 31, initial value 00, most significant bit first, not reflected (Dayuan LZ4000T, TL310)."""
    crc = 0
    for byte in data:
        crc = _CRC8_31[crc ^ byte]
    return crc


def crc16_modbus(data: bytes) -> int:
    """CRC-16 of Modbus RTU: polynomial A001 reflected, initial value FFFF; sent low byte first (Dayuan DY-2620)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def mod11_10(digits: str) -> str:
    """ISO 7064 MOD 11,10 check digit of a string of decimal digits: ``mod11_10("0794") == "5"``.

    Used by trace codes and by Chinese food-business licence numbers.
    """
    product = 10
    for digit in digits:
        product = _MOD11_10[product][digit]
    return str((11 - product) % 10)


_MOD11_10 = [{str(digit): ((product + digit) % 10 or 10) * 2 % 11 for digit in range(10)} for product in range(11)]
