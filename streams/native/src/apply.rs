//! Rows to the records of customers: the loop of `Intake`, up to the first row that it does not do alone.

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict, PyList};

use crate::run::{Row, Run};

const HEAD: usize = 14;
const FLAGS_AT: usize = 9;
const BODY_SIZE_AT: usize = 10;
const OWED: u8 = 8;
/// Customers of whom more has to be done than to add to their record: sampled, without a pane, quiet, merged.
const NOTED: u8 = 4 | 16 | 2 | 128;
const ENTRY: usize = 20;
/// Bytes of the length of an id in the journal, an u16.
const LENGTH: usize = 2;
const LONG_TAIL: usize = 12 * ENTRY;
const PAGE: usize = 1024 * ENTRY;
const MOST_CENTS: i64 = i32::MAX as i64;
const LOW_BITS: u32 = 16;
const REST_BYTES: usize = 6;
const ID_BYTES: usize = 8;
const UNIT_BITS: u32 = 20;
const HOUR_MS: i64 = 3_600_000;
const FUTURE_MS: i64 = 300_000;

/// What a customer's record, an entry, the journal, the table of ids and the rules of time are taken to be.
pub const LAYOUT: [i64; 15] = [
    HEAD as i64, FLAGS_AT as i64, BODY_SIZE_AT as i64, OWED as i64, NOTED as i64, ENTRY as i64, LENGTH as i64, LONG_TAIL as i64,
    PAGE as i64, MOST_CENTS, LOW_BITS as i64, REST_BYTES as i64, UNIT_BITS as i64, HOUR_MS, FUTURE_MS,
];

/// What the rows of a batch are applied to. Nothing of it is copied, so Python sees every change.
#[pyclass(get_all, set_all)]
pub struct Store {
    /// Customers' records by id.
    records: Py<PyDict>,
    /// The journal since the last drain; None while nothing is journaled.
    journal: Option<Py<PyByteArray>>,
    /// Who came to be owed a whole record since the last drain.
    owing: Py<PyList>,
    /// Effective times by hash.
    recent: Py<PyDict>,
    /// The table of ids; empty until it is opened.
    buckets: Py<PyList>,
    low: u64,
    split: u64,
    /// The newest unit of time that the table knows; `reach(time)` tells it of a newer one.
    newest_unit: i64,
    reach: Py<PyAny>,
    /// The greatest time on the input (ms), and the time of its clock.
    newest: i64,
    now: i64,
    lateness: i64,
    held_back: Option<i64>,
    /// Whether a purchase of 0.00 is one like all others.
    zero_counts: bool,
    /// Before this (ms) an id can make no duplicate.
    oldest_id: i64,
    /// Rows applied so far.
    applied: i64,
    /// `new(customer_id)` returns the record of a customer not known before.
    new: Py<PyAny>,
    /// `note(customer_id, record, hour, cents)` does what a purchase means beyond the customer's record.
    note: Py<PyAny>,
    /// `fold(customer_id, record)` folds the tail of a long record.
    fold: Py<PyAny>,
    /// `count(source, hour, purchases)` is told of the purchases of a source in an hour.
    count: Py<PyAny>,
}

#[pymethods]
impl Store {
    #[new]
    #[pyo3(signature = (*, records, journal, owing, recent, buckets, low, split, newest_unit, reach, newest, now,
                        lateness, held_back, zero_counts, oldest_id, new, note, fold, count))]
    #[allow(clippy::too_many_arguments)] // by name, from Python
    fn make(
        records: Py<PyDict>, journal: Option<Py<PyByteArray>>, owing: Py<PyList>, recent: Py<PyDict>, buckets: Py<PyList>,
        low: u64, split: u64, newest_unit: i64, reach: Py<PyAny>, newest: i64, now: i64, lateness: i64,
        held_back: Option<i64>, zero_counts: bool, oldest_id: i64, new: Py<PyAny>, note: Py<PyAny>, fold: Py<PyAny>,
        count: Py<PyAny>,
    ) -> Self {
        Self {
            records, journal, owing, recent, buckets, low, split, newest_unit, reach, newest, now, lateness,
            held_back, zero_counts, oldest_id, applied: 0, new, note, fold, count,
        }
    }

    /// Apply the rows of a run from a place on; return the place of the first that is not applied.
    ///
    /// That is one which only the reference may judge, or the end.
    fn apply(&mut self, py: Python<'_>, run: &Run, start: usize) -> PyResult<usize> {
        let (mut counts, mut journaled) = (Counts::default(), Vec::new());
        let mut at = start;
        while at < run.rows.len() && self.apply_row(py, &run.rows[at], &mut counts, &mut journaled)? {
            at += 1;
        }
        self.applied += (at - start) as i64;
        if let Some(journal) = &self.journal {
            append(journal.bind(py), &journaled)?;
        }
        for (source, hour, purchases) in counts.found {
            self.count.call1(py, (run.sources[source].name.as_str(), hour, purchases))?;
        }
        Ok(at)
    }
}

impl Store {
    fn apply_row(&mut self, py: Python<'_>, row: &Row, counts: &mut Counts, journaled: &mut Vec<u8>) -> PyResult<bool> {
        let Some(customer) = &row.customer else { return Ok(false) };
        let in_time = self.now < row.time && row.time <= row.when.saturating_add(FUTURE_MS);
        if !in_time || row.cents > MOST_CENTS || (row.cents == 0 && !self.zero_counts) || !self.remember(py, row)? {
            return Ok(false);
        }
        let customer = customer.bind(py);
        let record = match self.records.bind(py).get_item(customer)? {
            Some(known) => known,
            None => self.new.bind(py).call1((customer,))?,
        };
        let record = record.cast::<PyByteArray>()?;
        let entry = entry(row);
        append(record, &entry)?;
        if self.journal.is_some() {
            let name = customer.to_str()?.as_bytes();
            let length: [u8; LENGTH] = u16::try_from(name.len())?.to_le_bytes();
            journaled.extend_from_slice(&length);
            journaled.extend_from_slice(name);
            journaled.extend_from_slice(&entry);
        }
        let hour = row.time.div_euclid(HOUR_MS);
        counts.add(row.source, hour);
        // SAFETY: nothing runs between here and the last use of the bytes that could resize the record.
        let (flags, is_foldable) = {
            let bytes = unsafe { record.as_bytes_mut() };
            let flags = bytes[FLAGS_AT];
            bytes[FLAGS_AT] |= OWED;
            (flags, is_foldable(bytes, self.oldest_id))
        };
        if flags & OWED == 0 {
            self.owing.bind(py).append(customer)?;
        }
        if flags & NOTED != 0 {
            self.note.call1(py, (customer, record, hour, row.cents))?;
        }
        if is_foldable {
            self.fold.call1(py, (customer, record))?;
        }
        self.move_clock(row);
        Ok(true)
    }

    /// Remember the id of a row, or return false: it may be a duplicate.
    fn remember(&mut self, py: Python<'_>, row: &Row) -> PyResult<bool> {
        let (recent, buckets) = (self.recent.bind(py), self.buckets.bind(py));
        if buckets.is_empty() {
            if recent.contains(row.key)? {
                return Ok(false);
            }
            recent.set_item(row.key, row.time)?;
            return Ok(true);
        }
        let unit = row.time >> UNIT_BITS;
        let number = if row.key & self.low >= self.split { row.key & self.low } else { row.key & (2 * self.low + 1) };
        let bucket = buckets.get_item(number as usize)?;
        let bucket = bucket.cast::<PyByteArray>()?;
        // SAFETY: the bucket isn't touched while it is searched.
        let is_there = has_id(unsafe { bucket.as_bytes() }, row.key >> LOW_BITS);
        if is_there || (!recent.is_empty() && recent.contains(row.key)?) {
            return Ok(false);
        }
        if unit > self.newest_unit {
            self.reach.call1(py, (row.time,))?; // it may clear the buckets, but makes no other
            self.newest_unit = unit;
        }
        append(bucket, &(row.key >> LOW_BITS | ((unit & 0xFFFF) as u64) << (8 * REST_BYTES)).to_le_bytes())?;
        Ok(true)
    }

    fn move_clock(&mut self, row: &Row) {
        if row.time <= self.newest && self.held_back.is_none() {
            return; // nor does the reference: what was newest may have been told by another clock
        }
        self.newest = self.newest.max(row.time);
        let reached = self.held_back.map_or(row.time, |behind| row.time.min(row.when.saturating_sub(behind)));
        self.now = self.now.max(reached - self.lateness);
    }
}

/// Purchases by source and hour, in the order in which they first come.
#[derive(Default)]
struct Counts {
    found: Vec<(usize, i64, u32)>,
}

impl Counts {
    fn add(&mut self, source: usize, hour: i64) {
        match self.found.iter_mut().rev().find(|one| (one.0, one.1) == (source, hour)) {
            Some(known) => known.2 += 1,
            None => self.found.push((source, hour, 1)),
        }
    }
}

fn entry(row: &Row) -> [u8; ENTRY] {
    let mut found = [0; ENTRY];
    found[..8].copy_from_slice(&row.time.to_le_bytes());
    found[8..12].copy_from_slice(&(row.cents as i32).to_le_bytes());
    found[12..].copy_from_slice(&row.key.to_le_bytes());
    found
}

fn append(to: &Bound<'_, PyByteArray>, bytes: &[u8]) -> PyResult<()> {
    let end = to.len();
    to.resize(end + bytes.len())?;
    // SAFETY: nothing else runs while the new end is written.
    let grown = unsafe { to.as_bytes_mut() };
    grown[end..].copy_from_slice(bytes);
    Ok(())
}

/// Return whether a bucket has an entry of a hash, of which `rest` are the bits that its number does not tell.
fn has_id(bucket: &[u8], rest: u64) -> bool {
    const MASK: u64 = (1 << (8 * REST_BYTES)) - 1;
    bucket.chunks_exact(ID_BYTES).any(|one| u64::from_le_bytes(one.try_into().unwrap_or_default()) & MASK == rest)
}

/// Return whether the tail of a record is worth folding, as `customer_codec.is_foldable` does.
fn is_foldable(record: &[u8], oldest_id: i64) -> bool {
    if record.len() <= HEAD + LONG_TAIL {
        return false;
    }
    let body = number(record, BODY_SIZE_AT, 4) as usize;
    let start = HEAD + body;
    let tail = record.len().saturating_sub(start); // of a record that was cut off nothing is left
    if tail >= PAGE {
        return true;
    }
    tail > LONG_TAIL.max(body / 4) && number(record, start + tail / ENTRY / 2 * ENTRY, 8) < oldest_id
}

fn number(record: &[u8], at: usize, size: usize) -> i64 {
    let mut bytes = [0; 8];
    bytes[..size].copy_from_slice(&record[at..at + size]);
    i64::from_le_bytes(bytes)
}
