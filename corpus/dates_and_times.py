"""Dates, times, durations and time zones: semantics, errors, pickles, subclasses."""

import copy
import pickle
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta, timezone, tzinfo


def raises(kind, text, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except kind as e:
        assert str(e) == text, f"{e} != {text}"
    else:
        raise AssertionError(f"{kind.__name__} not raised")


# Construction and errors.
assert repr(date(2020, 2, 29)) == "datetime.date(2020, 2, 29)"
assert str(datetime(1, 2, 3, 4, 5, 6, 7)) == "0001-02-03 04:05:06.000007"
assert repr(datetime(2020, 1, 1, fold=1, tzinfo=UTC)) == "datetime.datetime(2020, 1, 1, 0, 0, fold=1, tzinfo=datetime.timezone.utc)"
assert repr(time(1, 2, tzinfo=UTC, fold=1)) == "datetime.time(1, 2, tzinfo=datetime.timezone.utc, fold=1)"
assert repr(timedelta(-1, 1, 2)) == "datetime.timedelta(days=-1, seconds=1, microseconds=2)"
assert str(timedelta(days=-1, microseconds=1)) == "-1 day, 0:00:00.000001"
raises(ValueError, "month must be in 1..12, not 13", date, 2020, 13, 1)
raises(ValueError, "day 30 must be in range 1..29 for month 2 in year 2020", date, 2020, 2, 30)
raises(ValueError, "year must be in 1..9999, not 0", date, 0, 1, 1)
raises(ValueError, "hour must be in 0..23, not 24", time, 24)
raises(ValueError, "fold must be either 0 or 1, not 2", time, fold=2)
raises(OverflowError, "date value out of range", lambda: date.max + timedelta(1))
raises(OverflowError, "days=1000000000; must have magnitude <= 999999999", timedelta, 10**9)
raises(TypeError, "function missing required argument 'day' (pos 3)", date, 1, 2)
raises(TypeError, "tzinfo argument must be None or of a tzinfo subclass, not type 'int'", datetime, 1, 1, 1, tzinfo=3)
raises(TypeError, "can't compare offset-naive and offset-aware datetimes", lambda: datetime(1, 1, 1) < datetime(1, 1, 1, tzinfo=UTC))
raises(AttributeError, "readonly attribute", setattr, timedelta(1), "days", 2)

# Durations.
assert timedelta(hours=1.5) == timedelta(minutes=90) == timedelta(0, 5400)
assert timedelta(microseconds=0.5) == timedelta(0) and timedelta(microseconds=1.5) == timedelta(microseconds=2)
assert timedelta(days=10**100, hours=-24 * 10**100) == timedelta(0)
assert timedelta(1) / timedelta(hours=7) == 24 / 7 and timedelta(1) // 7 == timedelta(0, 12342, 857142)
assert timedelta(1) * 0.1 == timedelta(0, 8640) and 3 * timedelta(1) == timedelta(3)
assert divmod(timedelta(1), timedelta(hours=-5)) == (-5, timedelta(hours=-1))
assert timedelta.max.total_seconds() == 86399999999999.999999
assert hash(timedelta(1)) == hash((1, 0, 0)) and timedelta(0) is timedelta(0)
raises(ZeroDivisionError, "division by zero", lambda: timedelta(1) // 0)

# Calendar.
for ordinal in list(range(1, 1500)) + list(range(730000, 731500)) + [date.max.toordinal()]:
    day = date.fromordinal(ordinal)
    assert day.toordinal() == ordinal and day.isoweekday() == (ordinal - 1) % 7 + 1
    if ordinal < date.max.toordinal() - 2:
        assert date.fromisocalendar(*day.isocalendar()) == day
assert tuple(date(2021, 1, 3).isocalendar()) == (2020, 53, 7)
assert repr(date(2020, 1, 1).isocalendar()) == "datetime.IsoCalendarDate(year=2020, week=1, weekday=3)"
raises(ValueError, "Invalid week: 53", date.fromisocalendar, 2021, 53, 1)

# ISO 8601.
for text, want in [
    ("2020-01-02", datetime(2020, 1, 2)),
    ("20200102T030405", datetime(2020, 1, 2, 3, 4, 5)),
    ("2020-W01-4 03:04", datetime(2020, 1, 2, 3, 4)),
    ("2020W01T03", datetime(2019, 12, 30, 3)),
    ("2020-01-02\ud80003:04:05,6", datetime(2020, 1, 2, 3, 4, 5, 600000)),
    ("2020-01-02T03:04Z", datetime(2020, 1, 2, 3, 4, tzinfo=UTC)),
    ("2020-12-31T24:00", datetime(2021, 1, 1)),
    ("2020-01-02T03:04:05.123456789-01:02:03.4", datetime(2020, 1, 2, 3, 4, 5, 123456, timezone(-timedelta(0, 3723, 400000)))),
]:
    got = datetime.fromisoformat(text)
    assert got == want and got.tzinfo == want.tzinfo, (text, got)
for text in ["", "2020-1-2", "2020-01-02T", "2020-01-02T03:04:", "2020-01-02T03:04:05.", "2020-01-02T03:04:05.Z", "2020-01-02T03:04.5", "2020-0102"]:
    raises(ValueError, f"Invalid isoformat string: {text!r}", datetime.fromisoformat, text)
assert datetime(2020, 1, 2, 3, 4, 5, 6789).isoformat("\u1234", "milliseconds") == "2020-01-02\u123403:04:05.006"
assert time(1, tzinfo=timezone(timedelta(seconds=-1))).isoformat("hours") == "01-00:00:01"
raises(ValueError, "Unknown timespec value", time().isoformat, "days")

# Formats.
assert f"{datetime(20, 3, 4, 5, 6, 7, 8, timezone(timedelta(hours=1), 'a%b')):%Y %F %f %z %:z %Z %%z}" == "0020 0020-03-04 000008 +0100 +01:00 a%b %z"
assert datetime.strptime("2020-01-02 +0130", "%Y-%m-%d %z") == datetime(2020, 1, 2, tzinfo=timezone(timedelta(minutes=90)))
assert date.strptime("02/01/20", "%d/%m/%y") == date(2020, 1, 2) and time.strptime("3:4", "%H:%M") == time(3, 4)

# Comparison: a datetime is no date, equal moments are equal, in whatever time zone.
assert datetime(2020, 1, 1) != date(2020, 1, 1)
east = timezone(timedelta(hours=2))
assert datetime(2020, 1, 1, 2, tzinfo=east) == datetime(2020, 1, 1, tzinfo=UTC)
assert hash(datetime(2020, 1, 1, 2, tzinfo=east)) == hash(datetime(2020, 1, 1, tzinfo=UTC))
assert time(2, tzinfo=east) == time(0, tzinfo=UTC) and time(2) != time(0, tzinfo=UTC)
assert datetime(2020, 1, 1, 2, tzinfo=east) - datetime(2020, 1, 1, 1, tzinfo=UTC) == timedelta(hours=-1)


class Folding(tzinfo):
    def utcoffset(self, dt):
        return timedelta(hours=2 - dt.fold)

    def dst(self, dt):
        return timedelta(hours=1 - dt.fold)

    def tzname(self, dt):
        return "F"


assert datetime(2020, 1, 1, 2, tzinfo=Folding()) != datetime(2020, 1, 1, tzinfo=UTC)
assert datetime(2020, 1, 1, tzinfo=UTC).astimezone(east) == datetime(2020, 1, 1, 2, tzinfo=east)
raises(NotImplementedError, "a tzinfo subclass must implement utcoffset()", tzinfo().utcoffset, None)


# Subclasses are what arithmetic and other constructors give.
class MyDate(date):
    def __new__(cls, *args):
        self = super().__new__(cls, *args)
        self.args = args
        return self


class MyTime(datetime):
    pass


assert (MyDate(2020, 1, 1) + timedelta(1)).args == (2020, 1, 2)
assert type(MyDate.fromordinal(1)) is MyDate and type(MyDate(1, 1, 1).replace(day=2)) is MyDate
for value in [MyTime.fromtimestamp(0, UTC), MyTime.now(), MyTime.fromisoformat("2020-01-01"), MyTime(1, 1, 1) + timedelta(1), MyTime.combine(date.min, time())]:
    assert type(value) is MyTime, value
assert repr(MyTime(1, 1, 1)) == "MyTime(1, 1, 1, 0, 0)"

# Pickles and copies.
for value in [date(2020, 1, 2), time(1, 2, 3, 4, UTC), datetime(2020, 1, 2, 3, fold=1), timedelta(1, 2, 3), UTC, timezone(timedelta(1) / 2, "x"), MyTime.max]:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        other = pickle.loads(pickle.dumps(value, protocol))
        assert other == value and type(other) is type(value) and repr(other) == repr(value) or protocol < 4
    assert copy.deepcopy(value) == value
assert pickle.loads(pickle.dumps(UTC)) is UTC
assert date(b"\x07\xe4\x01\x02") == date("\x07\xe4\x01\x02") == date(2020, 1, 2)
assert datetime(2020, 1, 2, fold=1).__reduce_ex__(4)[1][0][2] == 0x81
raises(TypeError, "bad tzinfo state arg", time, b"\1\2\3\4\5\6", 3)
assert copy.replace(time(1, 2), hour=3, tzinfo=UTC) == time(3, 2, tzinfo=UTC)

# Timestamps.
assert datetime.fromtimestamp(1.5, UTC) == datetime(1970, 1, 1, 0, 0, 1, 500000, UTC)
assert datetime.fromtimestamp(-1e-7, UTC) == datetime(1970, 1, 1, tzinfo=UTC)
assert datetime(1970, 1, 2, tzinfo=UTC).timestamp() == 86400.0
for moment in [datetime(2020, 1, 2, 3, 4, 5), datetime(2020, 7, 2, 3, 4, 5, 6)]:
    assert datetime.fromtimestamp(moment.timestamp()) == moment and moment.astimezone(UTC).timestamp() == moment.timestamp()
raises(ValueError, "Invalid value NaN (not a number)", datetime.fromtimestamp, float("nan"))
raises(TypeError, "argument must be int or float, not str", datetime.fromtimestamp, "x")
assert (MINYEAR, MAXYEAR) == (date.min.year, date.max.year)
