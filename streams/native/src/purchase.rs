//! One message: a plain purchase in the reporting currency, or a doubt.

use jiter::{Jiter, Peek};

use crate::text::{cents, time_ms};

const MOST_CHARACTERS: usize = 128;
const FIELDS: [&str; 16] = [
    "type", "event_id", "customer_id", "time", "source", "kind", "amount", "currency",
    // Those that a plain purchase may have, and that mean nothing to us.
    "order_id", "channel", "category", "attributes",
    // Those that it may have as null alone.
    "exchange_rate", "original_time", "previous_amount", "corrects",
];
const REQUIRED: u32 = 0xFF;

/// What counts of a purchase; to be filled again and again.
#[derive(Default)]
pub struct Purchase {
    pub event_id: String,
    pub customer_id: String,
    pub source: String,
    pub time: i64,
    pub cents: i64,
}

impl Purchase {
    /// Read a message; `None` is a doubt, and leaves anything behind.
    pub fn read(&mut self, value: &[u8], currency: &str) -> Option<()> {
        let mut json = Jiter::new(value);
        let mut seen = 0;
        let mut key = json.next_object().ok()?;
        while let Some(name) = key {
            let field = FIELDS.iter().position(|one| *one == name)?;
            if seen & 1 << field != 0 {
                return None;
            }
            seen |= 1 << field;
            match field {
                0 => same(&mut json, "transaction")?,
                1 => identifier(&mut json, &mut self.event_id)?,
                2 => identifier(&mut json, &mut self.customer_id)?,
                3 => self.time = time_ms(json.next_str().ok()?)?,
                4 => identifier(&mut json, &mut self.source)?,
                5 => same(&mut json, "purchase")?,
                6 => self.cents = cents(json.next_str().ok()?)?,
                7 => same(&mut json, currency)?,
                8..=10 => text_or_null(&mut json)?,
                11 => texts_or_null(&mut json)?,
                _ => json.next_null().ok()?,
            }
            key = json.next_key().ok()?;
        }
        json.finish().ok()?;
        (seen & REQUIRED == REQUIRED).then_some(())
    }
}

fn same(json: &mut Jiter, wanted: &str) -> Option<()> {
    (json.next_str().ok()? == wanted).then_some(())
}

fn identifier(json: &mut Jiter, into: &mut String) -> Option<()> {
    let found = json.next_str().ok()?;
    if found.is_empty() || (found.len() > MOST_CHARACTERS && found.chars().count() > MOST_CHARACTERS) {
        return None;
    }
    into.clear();
    into.push_str(found);
    Some(())
}

fn text_or_null(json: &mut Jiter) -> Option<()> {
    match json.peek().ok()? {
        Peek::String => json.known_str().ok().map(|_| ()),
        Peek::Null => json.known_null().ok(),
        _ => None,
    }
}

fn texts_or_null(json: &mut Jiter) -> Option<()> {
    match json.peek().ok()? {
        Peek::Null => json.known_null().ok(),
        Peek::Object => {
            let mut key = json.known_object().ok()?.is_some();
            while key {
                json.next_str().ok()?;
                key = json.next_key().ok()?.is_some();
            }
            Some(())
        }
        _ => None,
    }
}
