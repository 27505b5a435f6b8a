"""This file holds dates and times as labels write them: local to the facility, without a zone."""

from datetime import date, timedelta

from .bad_scan import Words
from .layout import DIGIT, Json, Layout, Part, element

_DAY = (element("century", DIGIT, 1), element("year", DIGIT, 2), element("day", DIGIT, 3))
_DAY_TIME = (*_DAY, element("hour", DIGIT, 2), element("minute", DIGIT, 2))


def full_year(century: str, year: str) -> int:
    """Give the year that `c` and `yy` stand for: `c` is the hundreds digit of the year.

    Range: 1900 to 2899; 9 is taken for the century that ISBT 128 began in.
    Source: ST-001 sections 2.4.4 to 2.4.9 name a century and no rule; that 0 is 20yy, the golden
      vectors show; the other digits are read in the same way.
    Example:
        >>> full_year("0", "26"), full_year("9", "99")
        (2026, 1999)
    """
    return (1000 if century == "9" else 2000) + 100 * int(century) + int(year)


def ordinal_day(year: int, day: int) -> date | None:
    """Give the day with that number in the year; None when the year has no such day.

    Range: 1 to 365, and 366 in leap years.
    Example:
        >>> ordinal_day(2024, 366), ordinal_day(2023, 366)
        (datetime.date(2024, 12, 31), None)
    """
    if day < 1:
        return None
    found = date(year, 1, 1) + timedelta(days=day - 1)
    return found if found.year == year else None


def calendar_day(part: Part, year: str, month: str, day: str) -> str:
    """Give the day that three elements name, as ISO 8601; or raise at the element that is wrong."""
    if part[year] == "0000":
        raise part.bad("no_such_day", year, Words("a year from 0001", "0001 年起"))
    if not "01" <= part[month] <= "12":
        raise part.bad("no_such_day", month, Words("a month 01-12", "月份 01-12"))
    try:
        return date(int(part[year]), int(part[month]), int(part[day])).isoformat()
    except ValueError:
        raise part.bad("no_such_day", day, Words("a day of that month", "该月中的一天")) from None


def time_of_day(part: Part) -> str:
    """Give the time that `hour` and `minute` name; or raise at the element that is wrong."""
    if part["hour"] > "23":
        raise part.bad("no_such_time", "hour", Words("an hour 00-23", "小时 00-23"))
    if part["minute"] > "59":
        raise part.bad("no_such_time", "minute", Words("a minute 00-59", "分钟 00-59"))
    return f"{part['hour']}:{part['minute']}"


def _judge_day(part: Part) -> dict[str, Json]:
    year = full_year(part["century"], part["year"])
    found = ordinal_day(year, int(part["day"]))
    if found is None:
        last = 366 if ordinal_day(year, 366) else 365
        raise part.bad("no_such_day", "day", Words(f"a day 001-{last} of {year}", f"{year} 年的第 001-{last} 天"))
    return {"date": found.isoformat()}


def _judge_day_time(part: Part) -> dict[str, Json]:
    """Read a day and a time.

    Source: ST-001 section 2.4.5: 2359 is written when no time is given. As an expiry it is
      good through 23:59; as a collection or production time it says nothing.
    """
    time = time_of_day(part)
    return _judge_day(part) | {"time": time, "time_given": time != "23:59"}


def _judge_label(part: Part) -> dict[str, Json]:
    day = calendar_day(part, "year", "month", "day")
    return {"date": day, "time": time_of_day(part), "time_given": True}


def _dates(number: str, en: str, zh: str, sign: str) -> tuple[Layout, Layout]:
    later = f"{int(number) + 1:03}"
    return (
        Layout(number, Words(f"{en} date", f"{zh}日期"), "=" + sign, _DAY, _judge_day),
        Layout(later, Words(f"{en} date and time", f"{zh}日期时间"), "&" + sign, _DAY_TIME, _judge_day_time),
    )


# Source: ST-001 sections 2.4.4 to 2.4.9.
DATES = (
    *_dates("004", "expiry", "失效", ">"),
    *_dates("006", "collection", "采集", "*"),
    *_dates("008", "production", "制备", "}"),
)
# Source: the real Chinese label of the golden vectors, CCYYMMDDhhmm without an identifier.
LABEL_EXPIRY = Layout(
    "",
    Words("label expiry CCYYMMDDhhmm", "标签失效时间 CCYYMMDDhhmm"),
    "",
    (element("year", DIGIT, 4), *(element(name, DIGIT, 2) for name in ("month", "day", "hour", "minute"))),
    _judge_label,
)


def parse_label_expiry(text: str) -> tuple[str, str]:
    """Read the expiry printed on Chinese labels; give local day and time.

    Errors: `BadScan`.
    Example:
        >>> parse_label_expiry("201604220950")
        ('2016-04-22', '09:50')
    """
    fields = LABEL_EXPIRY.read_all(text).fields
    return str(fields["date"]), str(fields["time"])
