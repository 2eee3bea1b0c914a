//! Record batches as Kafka sends them (format 2), taken apart without an object for each record.

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

const HEADER: usize = 61;
const MAGIC_AT: usize = 16;
const ATTRIBUTES_AT: usize = 21;
const LOG_APPEND_TIME: i64 = 8;

struct Span {
    buffer: usize,
    offset: i64,
    timestamp: i64,
    key: Option<(usize, usize)>,
    value: Option<(usize, usize)>,
}

/// A record as it stands in the log.
#[pyclass(frozen, get_all)]
pub struct Record {
    offset: i64,
    timestamp: i64,
    key: Option<Py<PyBytes>>,
    value: Option<Py<PyBytes>>,
}

/// The records of a fetch, in the order of the log. They are made when they are asked for.
///
/// A sequence in the sense of the C API too, which `bisect` asks for.
#[pyclass(sequence)]
#[derive(Default)]
pub struct Records {
    buffers: Vec<Py<PyBytes>>,
    spans: Vec<Span>,
}

#[pymethods]
impl Records {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Add the records of a batch that begins at a place of what was fetched, from an offset on.
    ///
    /// `payload` has its records, if they came compressed. Raise ValueError if it is not well formed.
    #[pyo3(signature = (fetched, start, from_offset, payload=None))]
    fn add(
        &mut self, py: Python<'_>, fetched: Py<PyBytes>, start: usize, from_offset: i64, payload: Option<Py<PyBytes>>,
    ) -> PyResult<()> {
        let buffer = self.buffers.len();
        let bytes = fetched.as_bytes(py);
        let read = match &payload {
            None => self.read(bytes, start, bytes, start + HEADER, from_offset, buffer),
            Some(records) => self.read(bytes, start, records.as_bytes(py), 0, from_offset, buffer),
        };
        read.ok_or_else(|| PyValueError::new_err("a batch of records that is not well formed"))?;
        self.buffers.push(payload.unwrap_or(fetched));
        Ok(())
    }

    fn __len__(&self) -> usize {
        self.spans.len()
    }

    fn __getitem__(&self, py: Python<'_>, at: isize) -> PyResult<Record> {
        let place = if at < 0 { at + self.spans.len() as isize } else { at };
        let span = usize::try_from(place).ok().and_then(|place| self.spans.get(place));
        let span = span.ok_or_else(|| PyIndexError::new_err("no such record"))?;
        let bytes = self.buffers[span.buffer].as_bytes(py);
        let copied = |part: Option<(usize, usize)>| part.map(|(from, to)| PyBytes::new(py, &bytes[from..to]).unbind());
        Ok(Record { offset: span.offset, timestamp: span.timestamp, key: copied(span.key), value: copied(span.value) })
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let all = (0..self.spans.len()).map(|at| self.__getitem__(py, at as isize)).collect::<PyResult<Vec<_>>>()?;
        Ok(PyList::new(py, all)?.try_iter()?.into_any())
    }
}

impl Records {
    pub fn size(&self) -> usize {
        self.spans.len()
    }

    /// Return key, value and append time of a record, as far as it has them.
    pub fn parts<'a>(&'a self, py: Python<'a>, at: usize) -> (Option<&'a [u8]>, Option<&'a [u8]>, i64) {
        let span = &self.spans[at];
        let bytes = self.buffers[span.buffer].as_bytes(py);
        let part = |one: Option<(usize, usize)>| one.map(|(from, to)| &bytes[from..to]);
        (part(span.key), part(span.value), span.timestamp)
    }

    fn read(
        &mut self, header: &[u8], start: usize, records: &[u8], first: usize, from_offset: i64, buffer: usize,
    ) -> Option<()> {
        let header = header.get(start..start.checked_add(HEADER)?).filter(|header| header[MAGIC_AT] == 2)?;
        let end = if first == 0 { records.len() } else { start + 12 + usize::try_from(fixed(header, 8, 4)).ok()? };
        let mut reader = Reader { bytes: records.get(..end)?, at: first };
        let (base, first_time, last_time) = (fixed(header, 0, 8), fixed(header, 27, 8), fixed(header, 35, 8));
        let of_log = fixed(header, ATTRIBUTES_AT, 2) & LOG_APPEND_TIME != 0;
        for _ in 0..fixed(header, 57, 4) {
            let size = usize::try_from(reader.varint()?).ok()?;
            let next = reader.at.checked_add(size).filter(|&next| next <= end)?;
            reader.at += 1; // attributes, which mean nothing
            let timestamp = first_time.wrapping_add(reader.varint()?);
            let offset = base.wrapping_add(reader.varint()?);
            let (key, value) = (reader.part()?, reader.part()?);
            if reader.at > next {
                return None;
            }
            if offset >= from_offset {
                let timestamp = if of_log { last_time } else { timestamp };
                self.spans.push(Span { buffer, offset, timestamp, key, value });
            }
            reader.at = next; // what is left are headers
        }
        Some(())
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// Return a zig-zag number of up to 10 bytes.
    fn varint(&mut self) -> Option<i64> {
        let mut found: u64 = 0;
        for shift in (0..70).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            found |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Some((found >> 1) as i64 ^ -((found & 1) as i64));
            }
        }
        None
    }

    /// Return where a part with its length before it stands, None if it is null.
    fn part(&mut self) -> Option<Option<(usize, usize)>> {
        let size = self.varint()?;
        if size < 0 {
            return Some(None);
        }
        let (from, to) = (self.at, self.at.checked_add(size as usize)?);
        self.bytes.get(from..to)?;
        self.at = to;
        Some(Some((from, to)))
    }
}

/// Return a number of so many bytes, the highest first.
fn fixed(header: &[u8], at: usize, size: usize) -> i64 {
    let found = header[at..at + size].iter().fold(0, |found: i64, &byte| found << 8 | i64::from(byte));
    let spare = 64 - 8 * size as u32;
    found << spare >> spare
}
