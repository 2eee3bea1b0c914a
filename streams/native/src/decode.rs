//! Records of a fetched batch to runs of plain purchases.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};
use pyo3::{PyTraverseError, PyVisit};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::log::Records;
use crate::partitioner::Partitioner;
use crate::purchase::Purchase;
use crate::run::{Row, Run, Source};

/// Rows of a run, so that they stay in the cache until they are applied.
const MOST_ROWS: usize = 1024;
const MOST_SOURCES: usize = 16;

/// Decodes plain purchases of the reporting currency that lie in one partition, with the key of their customer.
#[pyclass(frozen)]
pub struct PurchaseDecoder {
    currency: String,
    partition: u32,
    partitions: u32,
    partitioner: Partitioner,
    most_bytes: usize,
    read: Py<PyAny>,
}

#[pymethods]
impl PurchaseDecoder {
    /// `read` is the reference's reading of a record. Raise ValueError for a partitioner that is not known.
    #[new]
    fn new(
        currency: String, partition: u32, partitions: u32, partitioner: &str, most_bytes: usize, read: Py<PyAny>,
    ) -> PyResult<Self> {
        let partitioner = Partitioner::of(partitioner).ok_or_else(|| PyValueError::new_err("no such partitioner"))?;
        Ok(Self { currency, partition, partitions, partitioner, most_bytes, read })
    }

    /// Return as many rows as can be vouched for one after the other, from a place on; None if there is none.
    ///
    /// The records are `Records`, or a list of what has `key`, `value` and `timestamp`, as a `LogRecord` does; of
    /// any other sequence none is vouched for.
    fn decode(&self, py: Python<'_>, records: Bound<'_, PyAny>, start: usize) -> PyResult<Option<Run>> {
        let mut found = Rows::default();
        if let Ok(fetched) = records.cast::<Records>() {
            let fetched = fetched.borrow();
            for at in start..fetched.size().min(start + MOST_ROWS) {
                let (Some(key), Some(value), when) = fetched.parts(py, at) else { break };
                if !self.add(py, key, value, when, &mut found) {
                    break;
                }
            }
        } else {
            let Ok(listed) = records.cast::<PyList>() else { return Ok(None) };
            for at in start..listed.len().min(start + MOST_ROWS) {
                let record = listed.get_item(at)?;
                let key = record.getattr(pyo3::intern!(py, "key"))?;
                let value = record.getattr(pyo3::intern!(py, "value"))?;
                let (Ok(key), Ok(value)) = (key.cast::<PyBytes>(), value.cast::<PyBytes>()) else { break };
                let when = record.getattr(pyo3::intern!(py, "timestamp"))?.extract()?;
                if !self.add(py, key.as_bytes(), value.as_bytes(), when, &mut found) {
                    break;
                }
            }
        }
        if found.rows.is_empty() {
            return Ok(None);
        }
        let (rows, sources, read) = (found.rows, found.sources, self.read.clone_ref(py));
        Ok(Some(Run { rows, sources, records: records.unbind(), first: start, places: Vec::new(), read }))
    }

    /// The reading belongs to an object that holds this one: together they can be let go of.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.read)
    }
}

#[derive(Default)]
struct Rows {
    rows: Vec<Row>,
    sources: Vec<Source>,
    purchase: Purchase,
}

impl PurchaseDecoder {
    /// Add a record to the rows, or return false if it can't be vouched for.
    fn add(&self, py: Python<'_>, key: &[u8], value: &[u8], when: i64, found: &mut Rows) -> bool {
        let purchase = &mut found.purchase;
        let is_sound = value.len() <= self.most_bytes
            && purchase.read(value, &self.currency).is_some()
            && key == purchase.customer_id.as_bytes()
            && self.partitioner.has(key, self.partition, self.partitions);
        if !is_sound {
            return false;
        }
        let Some(source) = source_of(&mut found.sources, &purchase.source) else { return false };
        found.rows.push(Row {
            customer: Some(PyString::new(py, &purchase.customer_id).unbind()),
            key: xxh3_64_with_seed(purchase.event_id.as_bytes(), found.sources[source].seed),
            time: purchase.time,
            cents: purchase.cents,
            when,
            source,
        });
        true
    }
}

/// Return the place of a source among those of a run, the latest first; None if there are too many.
pub fn source_of(sources: &mut Vec<Source>, name: &str) -> Option<usize> {
    if let Some(found) = sources.iter().rposition(|one| one.name == name) {
        return Some(found);
    }
    if sources.len() == MOST_SOURCES {
        return None;
    }
    sources.push(Source { name: name.to_owned(), seed: xxh3_64(name.as_bytes()) });
    Some(sources.len() - 1)
}
