"""Why something is not as it should be, and what to do: in Chinese and English, for the core, pages and commands."""

from typing import Literal

WEIGHT = {
    "no_signal": ("秤无信号，查接线和电源", "no signal from the scale: check cable and power"),
    "stale": ("秤停止发送，请查看秤", "the scale stopped sending: check it"),
    "motion": ("等重量稳定", "wait until the weight is still"),
    "overload": ("超载，请减少货物", "overload: take something off"),
    "underload": ("低于零点，清空秤盘后置零", "below zero: empty the pan, then zero it"),
    "error": ("秤报错，看秤的显示", "scale error: look at its display"),
    "unit": ("秤的单位 {unit} 不能用于交易，请设为 kg", "unit {unit} is not legal for trade: set the scale to kg"),
    "digit": ("末位数字未经检定，请关闭秤的扩展显示", "the last digit is not verified: turn the finer display off"),
    "step": (
        "重量不是分度值 {e} 的整数倍，请查看秤",
        "not a multiple of the scale's interval e = {e}: check the scale",
    ),
    "below_min": ("太轻，低于最小秤量 {min} kg", "too light: below the minimum of {min} kg"),
    "empty_first": ("请先清空秤盘一次", "empty the pan first"),
    "sold": ("已卖出，请取下货物", "sold: take the goods off"),
    "tare": ("皮重不小于重量，请核对", "the tare is not less than the weight: check it"),
    "tared": ("秤已去皮，请先清除秤上的皮重", "the scale has a tare of its own: clear it first"),
    "tare_key": (
        "此秤不报告是否已去皮，请只用秤上的去皮键",
        "this scale does not say whether it is tared: use its own tare key",
    ),
    "unverified": ("秤检定已过期，不能交易", "scale verification expired: no trade"),
}
"""Why a load cannot be sold."""

ClockWhy = Literal["", "unsynced", "refused", "range", "apart", "doubted", "standing"]

CLOCK: dict[ClockWhy, tuple[str, str]] = {
    "unsynced": (
        "接通网络后自动校时；小票会注明时间未校准",
        "it is set by itself once there is a network; slips say that it is not set",
    ),
    "refused": (
        "系统不允许读取校时状态：请在服务单元中去掉 ProtectClock，并允许 adjtimex、clock_adjtime",
        "we may not ask whether it is set: in the service's unit remove ProtectClock and allow adjtimex, clock_adjtime",
    ),
    "range": (
        "系统时间不在 2020 至 2099 年之间，未采用：请接通网络校时，或由技术员设定",
        "the system's time is not within 2020 to 2099 and is not used: connect the network, or set it",
    ),
    "apart": (
        "系统时间与本站时间相差一天以上：请校正系统时间；若系统时间正确，请确认",
        "the system's time and the station's are more than a day apart: set the system's, or confirm it if it is right",
    ),
    "doubted": (
        "系统时间向前跳得太多，未采用：请核对日期，正确就确认，否则校正系统时间",
        "the system's time jumped too far ahead and is not used: confirm the date if it is right, or set it",
    ),
    "standing": (
        "主机把时间调回了：一分钟后采用",
        "the host put the time back: it is taken after a minute",
    ),
}
"""What a person should know and do while the clock is not synced, in Chinese and English."""
