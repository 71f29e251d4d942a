//! Times as text, in UTC.

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A Unix time, taken apart.
struct Civil {
    weekday: &'static str,
    year: u64,
    /// From 0.
    month: usize,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Civil {
    fn of(timestamp: u64) -> Self {
        let (days, seconds) = (timestamp / 86_400, timestamp % 86_400);
        // Years are counted from March on, in eras of 400 years, so that leap days come last
        // (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = (month_from_march + 2) % 12;
        Self {
            weekday: WEEKDAYS[(days % 7) as usize],
            year: year_of_era + era * 400 + u64::from(month < 2),
            month: month as usize,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }
}

/// As RFC 2822 writes it, and anvil: `Sun, 1 Nov 2026 23:45:08 +0000`.
pub(super) fn rfc_2822(timestamp: u64) -> String {
    let Civil {
        weekday,
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Civil::of(timestamp);
    let month = MONTHS[month];
    format!("{weekday}, {day} {month} {year} {hour:02}:{minute:02}:{second:02} +0000")
}

/// As RFC 3339 writes it, from Unix milliseconds: `2026-11-21T23:45:08.123Z`.
pub(super) fn rfc_3339(now_ms: u64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        ..
    } = Civil::of(now_ms / 1000);
    let (month, thousandths) = (month + 1, now_ms % 1000);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{thousandths:03}Z")
}
