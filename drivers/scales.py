"""Scales, one row a model."""

from drivers.model import Model
from protocol.link import Link

EQUALS_LOW_FIRST = {"reversed": True, "width": 8}
EQUALS_HIGH_FIRST = {"reversed": False, "width": 8}

MODELS = (
    Model("mt-sics", "Mettler Toledo", "any scale set to MT-SICS", "mt_sics"),
    Model("yaohua-a9", "Yaohua", "XK3190-A9 / A9+, tF=0", "yaohua_tf0", unit="kg"),
    Model("yaohua-a6", "Yaohua", "XK3190-A6, tF=0", "yaohua_tf0", unit="kg"),
    Model("yaohua-d2", "Yaohua", "XK3190-D2, tF=0 at 1200", "yaohua_tf0", link=Link(1200), unit="kg"),
    Model("yaohua-ds3", "Yaohua", "XK3190-DS3, tF=0", "yaohua_tf0", unit="kg"),
    Model("usb-hid-scale", "", "any USB scale of the HID class", "hid_scale"),
    Model("dymo-usb", "Dymo", "USB scales 0922:8003, 8004 and 8009", "hid_scale"),
    Model("mt-ps60", "Mettler Toledo", "PS60 on USB", "hid_scale"),
    Model("fairbanks-usb", "Fairbanks", "USB scale 0B67:555E", "hid_scale"),
    Model("yaohua-a12e", "Yaohua", "XK3190-A12E and others whose lines carry a check", "yaohua_a12"),
    Model("yaohua-a12", "Yaohua", "XK3190-A12 without a check", "yaohua_a12", options={"variant": "a12"}),
    Model("yaohua-a9-command", "Yaohua", "XK3190-A9 / A9+, tF=3", "yaohua_command", unit="kg"),
    Model("yaohua-ds3-command", "Yaohua", "XK3190-DS3, command mode", "yaohua_command", unit="kg"),
    Model("yaohua-a23p-command", "Yaohua", "XK3190-A23p, command mode", "yaohua_command", unit="kg"),
    Model("yaohua-a1p-command", "Yaohua", "XK3190-A1+P, command mode", "yaohua_command", unit="kg"),
    Model("yaohua-a26-tf1", "Yaohua", "XK3190-A26, tF=1", "yaohua_equals", unit="kg", options=EQUALS_LOW_FIRST),
    Model("yaohua-a26-tf2", "Yaohua", "XK3190-A26, tF=2", "yaohua_equals", unit="kg", options=EQUALS_HIGH_FIRST),
    Model("yaohua-d2-equals", "Yaohua", "XK3190-D2, = frames", "yaohua_equals", unit="kg", options=EQUALS_LOW_FIRST),
    Model(
        "yaohua-d2-old-equals",
        "Yaohua",
        "XK3190-D2, = frames of older ones",
        "yaohua_equals",
        unit="kg",
        options={"reversed": True, "width": 7},
    ),
    Model("keli-d2002", "Keli", "D2002, = frames", "yaohua_equals", unit="kg", options={"reversed": True}),
    Model(
        "keli-kl3101",
        "Keli",
        "KL3101, = frames; set the option decimals",
        "yaohua_equals",
        unit="kg",
        options={"reversed": False, "width": 7},
    ),
    Model("toledo-continuous", "Mettler Toledo", "any indicator set to continuous output", "toledo_continuous"),
    Model("mettler-ind245", "Mettler Toledo", "IND245, continuous or extended continuous output", "toledo_continuous"),
    Model("toledo-8142", "Toledo", "8142 and 8530, continuous output at 4800", "toledo_continuous", link=Link(4800)),
    Model(
        "toledo-8142-7e1",
        "Toledo",
        "8142 and 8530, continuous output, 7e1",
        "toledo_continuous",
        link=Link(9600, 7, "e"),
    ),
    Model("mettler-panther", "Mettler Toledo", "Panther, continuous output", "toledo_continuous"),
    Model("xk8142-07", "", "XK8142-07 and other clones, TLD output", "toledo_continuous"),
    Model("sma", "", "any scale set to the SMA protocol", "sma"),
    Model("weigh-tronix-zm301", "Avery Weigh-Tronix", "ZM301 set to SMA", "sma"),
    Model("mettler-8217", "Mettler Toledo", "8217 and scales set to the 8217 protocol", "toledo_8217", unit="kg"),
    Model("nci-scp01", "NCI / Weigh-Tronix", "any scale set to SCP-01 (3825 and others)", "nci_scp01"),
    Model("toledo-prix", "Toledo do Brasil", "Prix and others, protocol B or C", "toledo_brazil", unit="kg"),
    Model(
        "toledo-prix-a",
        "Toledo do Brasil",
        "Prix and others, protocol A",
        "toledo_brazil",
        unit="kg",
        options={"protocol": "A"},
    ),
    Model("cas-ap", "CAS", "AP, ED, EB, DB, PB, SW and ER", "cas_handshake"),
    Model("cas-pd2", "CAS", "PD-II", "cas_handshake", link=Link(9600, 7, "e")),
)
