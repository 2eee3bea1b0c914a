//! Lines of a file to runs of plain purchases, one for each partition.

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::decode::source_of;
use crate::partitioner::Partitioner;
use crate::purchase::Purchase;
use crate::run::{Row, Run, Source};

/// Decodes plain purchases of the reporting currency, and tells their partitions.
#[pyclass(frozen)]
pub struct LineDecoder {
    currency: String,
    partitions: u32,
    partitioner: Partitioner,
    most_bytes: usize,
}

#[pymethods]
impl LineDecoder {
    /// Raise ValueError for a partitioner that is not known.
    #[new]
    fn new(currency: String, partitions: u32, partitioner: &str, most_bytes: usize) -> PyResult<Self> {
        let partitioner = Partitioner::of(partitioner).ok_or_else(|| PyValueError::new_err("no such partitioner"))?;
        Ok(Self { currency, partitions, partitioner, most_bytes })
    }

    /// Return what was read of lines that were accepted by a log at a time (ms UTC).
    fn decode(&self, py: Python<'_>, lines: &Bound<'_, PyList>, when: i64) -> PyResult<Lines> {
        let (mut sources, mut purchase) = (Vec::new(), Purchase::default());
        let mut rows = Vec::with_capacity(lines.len());
        for line in lines {
            rows.push(self.read(py, line.cast::<PyBytes>()?.as_bytes(), when, &mut purchase, &mut sources));
        }
        Ok(Lines { rows, sources, partitions: self.partitions, when })
    }
}

impl LineDecoder {
    fn read(
        &self, py: Python<'_>, line: &[u8], when: i64, purchase: &mut Purchase, sources: &mut Vec<Source>,
    ) -> Option<Placed> {
        if line.len() > self.most_bytes {
            return None;
        }
        purchase.read(line, &self.currency)?;
        let source = source_of(sources, &purchase.source)?;
        let partition = self.partitioner.of_key(purchase.customer_id.as_bytes(), self.partitions);
        let row = Row {
            customer: Some(PyString::new(py, &purchase.customer_id).unbind()),
            key: xxh3_64_with_seed(purchase.event_id.as_bytes(), sources[source].seed),
            time: purchase.time,
            cents: purchase.cents,
            when,
            source,
        };
        Some(Placed { partition, row })
    }
}

struct Placed {
    partition: u32,
    row: Row,
}

/// Lines of a file: those that are plain purchases, decoded.
#[pyclass]
pub struct Lines {
    rows: Vec<Option<Placed>>,
    sources: Vec<Source>,
    partitions: u32,
    when: i64,
}

#[pymethods]
impl Lines {
    /// Return the places of the lines that only the reference may read.
    fn doubted(&self) -> Vec<usize> {
        self.rows.iter().enumerate().filter(|(_, row)| row.is_none()).map(|(at, _)| at).collect()
    }

    /// Return the time (ms) of each line, and of those that are doubted another.
    fn times(&self, of_doubted: i64) -> Vec<i64> {
        self.rows.iter().map(|one| one.as_ref().map_or(of_doubted, |placed| placed.row.time)).collect()
    }

    /// Return a run for each partition, once: all its lines, in their order.
    ///
    /// `odd` has the places of what isn't taken as a purchase in ascending order, and the partitions that it goes
    /// to; `records` has what `read` makes an event of for each line.
    fn runs(
        &mut self, py: Python<'_>, odd: Vec<(usize, Vec<u32>)>, records: Py<PyAny>, read: Py<PyAny>,
    ) -> PyResult<Vec<Run>> {
        let room = self.rows.len() / self.partitions.max(1) as usize * 5 / 4;
        let mut found: Vec<(Vec<Row>, Vec<usize>)> =
            (0..self.partitions).map(|_| (Vec::with_capacity(room), Vec::with_capacity(room))).collect();
        let mut odd = odd.into_iter().peekable();
        for (at, placed) in std::mem::take(&mut self.rows).into_iter().enumerate() {
            if let Some((_, partitions)) = odd.next_if(|one| one.0 == at) {
                for partition in partitions {
                    let there = found.get_mut(partition as usize);
                    let (rows, places) = there.ok_or_else(|| PyIndexError::new_err("no such partition"))?;
                    rows.push(Row { customer: None, key: 0, time: 0, cents: 0, when: self.when, source: 0 });
                    places.push(at);
                }
            } else if let Some(Placed { partition, row }) = placed {
                let (rows, places) = &mut found[partition as usize];
                rows.push(row);
                places.push(at);
            }
        }
        let made = found.into_iter().map(|(rows, places)| Run {
            rows,
            sources: self.sources.clone(),
            records: records.clone_ref(py),
            first: 0,
            places,
            read: read.clone_ref(py),
        });
        Ok(made.collect())
    }
}
