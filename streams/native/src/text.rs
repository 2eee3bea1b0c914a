//! Times and amounts as they stand on the wire. `None` is a doubt: the reference reads it, or refuses it.

const DAY_MS: i64 = 86_400_000;
const MAX_CENTS: u64 = 100_000_000_000_000;
const DAYS_OF_MONTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Return the ms UTC, floored, of a time in any of the forms of `schemas.times`.
pub fn time_ms(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let date = day_ms(bytes.get(..10)?)?;
    let (between, clock) = bytes[10..].split_first()?;
    if !matches!(between, b'T' | b't' | b' ') || clock.get(2) != Some(&b':') {
        return None;
    }
    let (hours, minutes) = (pair(clock)?, pair(&clock[3..])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let (second, zone) = if clock.get(5) == Some(&b':') { second_ms(&clock[6..])? } else { (0, &clock[5..]) };
    Some(date + (i64::from(hours) * 60 + i64::from(minutes)) * 60_000 + second - offset_ms(zone)?)
}

/// Return the hundredths of an amount, half-even.
pub fn cents(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let point = bytes.iter().position(|&one| one == b'.').unwrap_or(bytes.len());
    let (whole, places) = (&bytes[..point], bytes.get(point + 1..).unwrap_or(&[]));
    if whole.is_empty() || whole.len() > 12 || places.len() > 6 || (point < bytes.len() && places.is_empty()) {
        return None;
    }
    let mut millionths = 0;
    for at in 0..6 {
        millionths = millionths * 10 + places.get(at).map_or(Some(0), |&one| digit(one))?;
    }
    let (mut found, rest) = (number(whole)? * 100 + millionths / 10_000, millionths % 10_000);
    if 2 * rest + (found & 1) > 10_000 {
        found += 1;
    }
    (found <= MAX_CENTS).then_some(found as i64)
}

fn day_ms(date: &[u8]) -> Option<i64> {
    if date[4] != b'-' || date[7] != b'-' || date[0] < b'2' {
        return None;
    }
    let (year, month, day) = (pair(date)? * 100 + pair(&date[2..])?, pair(&date[5..])?, pair(&date[8..])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = DAYS_OF_MONTHS.get(month.checked_sub(1)? as usize)? + u32::from(leap && month == 2);
    if day == 0 || day > last {
        return None;
    }
    // Days since 1970-03-01 of a year that begins in March, so that the leap day is its last.
    let year = i64::from(year) - i64::from(month < 3);
    let month = i64::from((month + 9) % 12);
    let of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468;
    Some(days * DAY_MS)
}

/// Return the ms of a second with its places, and what follows them.
fn second_ms(rest: &[u8]) -> Option<(i64, &[u8])> {
    let seconds = pair(rest)?;
    if seconds > 59 {
        return None;
    }
    let (fraction, zone) = fraction_ms(&rest[2..])?;
    Some((i64::from(seconds) * 1000 + fraction, zone))
}

/// Return the ms of the places after a second, if there are any, and what follows them.
fn fraction_ms(rest: &[u8]) -> Option<(i64, &[u8])> {
    if rest.first() != Some(&b'.') {
        return Some((0, rest));
    }
    let places = rest[1..].iter().take_while(|one| one.is_ascii_digit()).count();
    if places == 0 || places > 9 {
        return None;
    }
    let mut ms = 0;
    for at in 1..4 {
        ms = ms * 10 + if at <= places { i64::from(rest[at] - b'0') } else { 0 };
    }
    Some((ms, &rest[1 + places..]))
}

fn offset_ms(zone: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match *zone {
        [b'Z' | b'z'] => return Some(0),
        [sign, one, two] => (sign, [one, two], [b'0', b'0']),
        [sign, one, two, three, four] | [sign, one, two, b':', three, four] => (sign, [one, two], [three, four]),
        _ => return None,
    };
    let (hours, minutes) = (i64::from(pair(&hours)?), i64::from(pair(&minutes)?));
    if hours > 23 || minutes > 59 {
        return None;
    }
    match sign {
        b'+' => Some((hours * 60 + minutes) * 60_000),
        b'-' => Some(-(hours * 60 + minutes) * 60_000),
        _ => None,
    }
}

/// Return the number of the first two digits.
fn pair(bytes: &[u8]) -> Option<u32> {
    Some((digit(*bytes.first()?)? * 10 + digit(*bytes.get(1)?)?) as u32)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |found, &one| Some(found * 10 + digit(one)?))
}

fn digit(byte: u8) -> Option<u64> {
    byte.is_ascii_digit().then(|| u64::from(byte - b'0'))
}
