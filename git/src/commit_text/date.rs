//! Owns printing a commit's time in the forms of git. Refuses clocks and time zone names: a commit knows an offset only.
//!
//! Source: git-log(1), `--date`; the calendar is the proleptic Gregorian one.

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// Later times, which nobody meant, are shown as the last second of the year 9999.
const MAX_SECONDS: i64 = 253_402_300_799;

/// A moment with the offset of the place where it was written down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Time {
    /// Seconds since 1970 in UTC.
    pub(crate) seconds: i64,
    /// Hours times 100 plus minutes, east of Greenwich positive, as written.
    pub(crate) zone: i32,
}

/// The form of a printed time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateForm {
    /// `Thu Apr 7 22:13:13 2005 +0200`
    Default,
    /// `Thu, 7 Apr 2005 22:13:13 +0200`
    Mail,
    /// `2005-04-07 22:13:13 +0200`
    Iso,
    /// `2005-04-07T22:13:13+02:00`
    IsoStrict,
    /// `2005-04-07`
    Short,
    /// Seconds.
    Unix,
}

/// A moment as the wall shows it.
struct Civil {
    year: i64,
    month: usize,
    day: i64,
    weekday: usize,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Time {
    /// Reads `seconds zone`; what is missing or out of range is zero.
    pub(crate) fn parse(text: &[u8]) -> Time {
        let text = std::str::from_utf8(text).unwrap_or_default();
        let mut words = text.split_ascii_whitespace();
        let seconds = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let zone = words.next().and_then(|word| word.parse().ok()).filter(|zone| (-9999..=9999).contains(zone));
        Time { seconds: i64::clamp(seconds, 0, MAX_SECONDS), zone: zone.unwrap_or(0) }
    }

    /// Prints it.
    pub(crate) fn print(self, form: DateForm) -> String {
        let c = self.civil();
        let (day, month) = (DAYS.get(c.weekday).unwrap_or(&""), MONTHS.get(c.month).unwrap_or(&""));
        let clock = format!("{:02}:{:02}:{:02}", c.hour, c.minute, c.second);
        let date = format!("{:04}-{:02}-{:02}", c.year, c.month + 1, c.day);
        let zone = format!("{:+05}", self.zone);
        match form {
            DateForm::Default => format!("{day} {month} {} {clock} {} {zone}", c.day, c.year),
            DateForm::Mail => format!("{day}, {} {month} {} {clock} {zone}", c.day, c.year),
            DateForm::Iso => format!("{date} {clock} {zone}"),
            DateForm::IsoStrict if self.zone == 0 => format!("{date}T{clock}Z"),
            DateForm::IsoStrict => {
                let sign = if self.zone < 0 { '-' } else { '+' };
                let zone = self.zone.abs();
                format!("{date}T{clock}{sign}{:02}:{:02}", zone / 100, zone % 100)
            }
            DateForm::Short => date,
            DateForm::Unix => self.seconds.to_string(),
        }
    }

    /// Year, month and day, the latter two from 1.
    pub(crate) fn day(self) -> (i64, u8, u8) {
        let civil = self.civil();
        (civil.year, civil.month as u8 + 1, civil.day as u8)
    }

    fn civil(self) -> Civil {
        let zone = i64::from(self.zone);
        let local = self.seconds.saturating_add((zone / 100 * 60 + zone % 100) * 60);
        let (days, rest) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        // Years begin in March here, so that the leap day is the last one.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 2 } else { month - 10 };
        Civil {
            year: year_of_era + era * 400 + i64::from(month < 2),
            month: month as usize,
            day,
            weekday: (days + 4).rem_euclid(7) as usize,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_those_of_git() {
        // The first commit of git: `git log -1 --date=... e83c5163316f89bfbde7d9ab23ca2e25604af290`.
        let time = Time::parse(b" 1112911993 -0700");
        for (form, printed) in [
            (DateForm::Default, "Thu Apr 7 15:13:13 2005 -0700"),
            (DateForm::Mail, "Thu, 7 Apr 2005 15:13:13 -0700"),
            (DateForm::Iso, "2005-04-07 15:13:13 -0700"),
            (DateForm::IsoStrict, "2005-04-07T15:13:13-07:00"),
            (DateForm::Short, "2005-04-07"),
            (DateForm::Unix, "1112911993"),
        ] {
            assert_eq!(time.print(form), printed);
        }
        assert_eq!(Time::parse(b" 951782400 +0530").print(DateForm::Default), "Tue Feb 29 05:30:00 2000 +0530");
        assert_eq!(Time::parse(b"").print(DateForm::Iso), "1970-01-01 00:00:00 +0000");
        assert_eq!(Time::parse(b" 99999999999999999 -0100").print(DateForm::Short), "9999-12-31");
    }
}
