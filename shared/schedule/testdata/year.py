#!/usr/bin/env python3
"""Writes year.txt: when the policies of year.ndjson run in 2028. TestAYearOfForty holds the Go code to it.

It shares nothing with that code: it walks through the year minute by minute, looks at the clock on the wall, and runs
what a minute names that the clock has reached or passed for the first time. Usage: year.py <year.ndjson >year.txt
"""
import calendar, json, re, sys
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

UTC, MINUTE = timezone.utc, timedelta(minutes=1)
FROM, TO = datetime(2028, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
MADE = datetime(2027, 12, 15, 10, 10, tzinfo=UTC)  # when all schedules were made
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = list(calendar.month_name)
SHORT_DAYS, SHORT_MONTHS = "SUN MON TUE WED THU FRI SAT".split(), "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()


def last_day(w):
    return calendar.monthrange(w.year, w.month)[1]


def duration(s):
    return timedelta(**{{"h": "hours", "m": "minutes"}[s[-1]]: int(s[:-1])})


def hm(w):
    return w.strftime("%H:%M")


def nth(w, text):
    which, day = text.split()
    days = [d for d in range(1, last_day(w) + 1) if DAYS[date(w.year, w.month, d).weekday()] == day]
    return w.day == days[{"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}[which]]


def field(text, low, high, names=()):
    values = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        number = lambda x: low + names.index(x) if x in names else int(x)
        if span == "*":
            a, b = low, high
        elif "-" in span:
            a, b = map(number, span.split("-"))
        else:
            a = number(span)
            b = high if step else a
        values |= set(range(a, b + 1, int(step or 1)))
    return values


def near_working_day(w, day):
    d = date(w.year, w.month, day)
    if d.weekday() == 5:
        day += -1 if day > 1 else 2
    elif d.weekday() == 6:
        day += 1 if day < last_day(w) else -2
    return day


def cron(text):
    minute, hour, dom, month, dow, year = text.split()
    minutes, hours, months = field(minute, 0, 59), field(hour, 0, 23), field(month, 1, 12, SHORT_MONTHS)

    def is_day(w):
        if dom == "LW":
            return w.day == near_working_day(w, last_day(w))
        if dom == "L":
            return w.day == last_day(w)
        if dom.endswith("W"):
            return w.day == near_working_day(w, int(dom[:-1]))
        if dom != "?":
            return w.day in field(dom, 1, 31)
        today = (w.weekday() + 1) % 7 + 1  # 1 is Sunday
        if m := re.fullmatch(r"(\d)L", dow):
            return today == int(m[1]) and w.day + 7 > last_day(w)
        return today in field(dow, 1, 7, SHORT_DAYS)

    return lambda w: w.minute in minutes and w.hour in hours and w.month in months and is_day(w)


def names(spec, made):
    """The wall-clock minutes that a policy names."""
    if "cron" in spec:
        return cron(spec["cron"])
    kind = next(k for k in ("daily", "weekly", "monthly") if k in spec)
    p = spec[kind]
    times = set(p["times"])
    first = date.fromisoformat(spec["startDate"]) if "startDate" in spec else made.date()
    first -= timedelta(days=first.weekday())

    def is_day(w):
        if kind == "weekly":
            return DAYS[w.weekday()] in p["days"] and (w.date() - first).days // 7 % p.get("every", 1) == 0
        if kind == "monthly":
            return MONTHS[w.month] in p.get("months", MONTHS) and (
                w.day in p.get("days", []) or -1 in p.get("days", []) and w.day == last_day(w) or any(nth(w, x) for x in p.get("weekdays", [])))
        return True

    return lambda w: hm(w) in times and is_day(w)


def black(b, w):
    """Whether a blackout holds at a wall-clock minute."""
    start, end = b.get("from", "00:00"), b.get("to", "24:00")
    for begun in (w.date(), w.date() - timedelta(days=1)):
        if "days" in b and DAYS[begun.weekday()] not in b["days"]:
            continue
        if begun.isoformat() < b.get("startDate", "0") or begun.isoformat() > b.get("endDate", "9"):
            continue
        if begun == w.date():
            if start <= hm(w) and (hm(w) < end or end <= start):
                return True
        elif end <= start and hm(w) < end:
            return True
    return False


def runs(spec, zone):
    local = lambda t: t.astimezone(zone).replace(tzinfo=None)
    made = MADE.astimezone(zone).replace(tzinfo=None)
    if "interval" in spec or "rate" in spec:
        if "rate" in spec:
            n, unit = spec["rate"].split()
            period = timedelta(**{unit.rstrip("s") + "s": int(n)})
        else:
            period = duration(spec["interval"])
        t = datetime.fromisoformat(spec["startDate"]).replace(tzinfo=zone).astimezone(UTC) if "startDate" in spec else MADE
        found = []
        while t < TO:
            if t >= FROM:
                found.append(t)
            t += period
    else:
        named, found = names(spec, made), []
        t = FROM - timedelta(hours=3)
        shown = local(t)
        while t < TO:
            w = local(t)
            if w > shown:
                passed = shown
                hit = False
                while passed < w:
                    passed += MINUTE
                    hit = hit or named(passed)
                if hit and t >= FROM:
                    found.append(t)
                shown = w
            t += MINUTE
    def keep(t):
        day = local(t).date().isoformat()
        if day < spec.get("startDate", "0") or day > spec.get("endDate", "9"):
            return False
        late = duration(spec["jitter"]) if "jitter" in spec else timedelta()
        minute = t
        while minute <= t + late:
            if any(black(b, local(minute)) for b in spec.get("blackouts", [])):
                return False
            minute += MINUTE
        return True
    return [t for t in found if keep(t)]


def days(dates):
    """Jan 1-3 7, Feb 2 of a list of dates."""
    months = {}
    for d in dates:
        months.setdefault(d.month, []).append(d.day)
    out = []
    for month, numbers in months.items():
        spans = []
        for n in numbers:
            if spans and spans[-1][1] == n - 1:
                spans[-1][1] = n
            else:
                spans.append([n, n])
        out.append(MONTHS[month][:3] + " " + " ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans))
    return ", ".join(out)


for line in sys.stdin:
    policy = json.loads(line)
    found = runs(policy["spec"], ZoneInfo(policy["spec"].get("timeZone", "UTC")))
    print(f"{policy['name']}: {len(found)} runs, {found[0]:%Y-%m-%dT%H:%MZ} to {found[-1]:%Y-%m-%dT%H:%MZ}")
    by_time = {}
    for t in found:
        by_time.setdefault(hm(t), []).append(t.date())
    for at in sorted(by_time):
        print(f"  {at}Z {days(by_time[at])}")
