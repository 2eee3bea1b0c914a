//! Records of a fetched batch to runs of plain purchases.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};
use pyo3::{PyTraverseError, PyVisit};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

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
    /// The records have `key`, `value` and `timestamp`, as a `LogRecord` does.
    fn decode(&self, py: Python<'_>, records: &Bound<'_, PyList>, start: usize) -> PyResult<Option<Run>> {
        let (mut rows, mut sources) = (Vec::new(), Vec::new());
        let mut purchase = Purchase::default();
        let end = records.len().min(start + MOST_ROWS);
        for at in start..end {
            let record = records.get_item(at)?;
            if !self.read(py, &record, &mut purchase)? {
                break;
            }
            let Some(source) = source_of(&mut sources, &purchase.source) else { break };
            let seed = sources[source].seed;
            rows.push(Row {
                customer: PyString::new(py, &purchase.customer_id).unbind(),
                key: xxh3_64_with_seed(purchase.event_id.as_bytes(), seed),
                time: purchase.time,
                cents: purchase.cents,
                when: record.getattr(pyo3::intern!(py, "timestamp"))?.extract()?,
                source,
            });
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let (records, read) = (records.clone().unbind(), self.read.clone_ref(py));
        Ok(Some(Run { rows, sources, records, first: start, read }))
    }

    /// The reading belongs to an object that holds this one: together they can be let go of.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.read)
    }
}

impl PurchaseDecoder {
    /// Return whether a record can be vouched for.
    fn read(&self, py: Python<'_>, record: &Bound<'_, PyAny>, into: &mut Purchase) -> PyResult<bool> {
        let (key, value) = (record.getattr(pyo3::intern!(py, "key"))?, record.getattr(pyo3::intern!(py, "value"))?);
        let (Ok(key), Ok(value)) = (key.cast::<PyBytes>(), value.cast::<PyBytes>()) else { return Ok(false) };
        let (key, value) = (key.as_bytes(), value.as_bytes());
        Ok(value.len() <= self.most_bytes
            && into.read(value, &self.currency).is_some()
            && key == into.customer_id.as_bytes()
            && self.partitioner.has(key, self.partition, self.partitions))
    }
}

/// Return the place of a source among those of a run, the latest first; None if there are too many.
fn source_of(sources: &mut Vec<Source>, name: &str) -> Option<usize> {
    if let Some(found) = sources.iter().rposition(|one| one.name == name) {
        return Some(found);
    }
    if sources.len() == MOST_SOURCES {
        return None;
    }
    sources.push(Source { name: name.to_owned(), seed: xxh3_64(name.as_bytes()) });
    Some(sources.len() - 1)
}
