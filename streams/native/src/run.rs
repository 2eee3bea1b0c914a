//! Purchases one after the other in the log, as rows.

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyString;

pub struct Row {
    /// None for what isn't a plain purchase: the reference's.
    pub customer: Option<Py<PyString>>,
    /// The hash of the id.
    pub key: u64,
    /// ms UTC.
    pub time: i64,
    pub cents: i64,
    /// When it was appended, ms UTC.
    pub when: i64,
    /// Its place in the sources of the run.
    pub source: usize,
}

#[derive(Clone)]
pub struct Source {
    pub name: String,
    /// What the ids of its purchases are hashed with.
    pub seed: u64,
}

/// Plain purchases, decoded, to be applied.
#[pyclass(frozen)]
pub struct Run {
    pub rows: Vec<Row>,
    pub sources: Vec<Source>,
    /// The records that the rows were decoded from, and where among them the first stands.
    pub records: Py<PyAny>,
    pub first: usize,
    /// Where each row stands among them, if they don't follow one another.
    pub places: Vec<usize>,
    /// The reference's reading of a record.
    pub read: Py<PyAny>,
}

#[pymethods]
impl Run {
    fn __len__(&self) -> usize {
        self.rows.len()
    }

    /// Return the event of a row, as the reference reads it.
    fn event<'py>(&self, py: Python<'py>, at: usize) -> PyResult<Bound<'py, PyAny>> {
        let place = self.place(at)?;
        self.read.bind(py).call1((self.records.bind(py).get_item(place)?,))
    }

    /// Return where among the records the one of a row stands.
    fn place(&self, at: usize) -> PyResult<usize> {
        self.row(at)?;
        Ok(self.places.get(at).copied().unwrap_or(self.first + at))
    }

    /// Return whether a row is a plain purchase; if it isn't, the reference has it.
    fn is_plain(&self, at: usize) -> PyResult<bool> {
        Ok(self.row(at)?.customer.is_some())
    }

    /// Return the time (ms) of each row, and of those that are no plain purchases another.
    fn times(&self, of_others: i64) -> Vec<i64> {
        self.rows.iter().map(|row| if row.customer.is_some() { row.time } else { of_others }).collect()
    }

    /// Return when (ms) the record of a row was appended.
    fn when(&self, at: usize) -> PyResult<i64> {
        Ok(self.row(at)?.when)
    }

    /// Return place, source, append time and time of every so many rows from one on.
    fn sampled(&self, first: usize, every: usize) -> Vec<(usize, &str, i64, i64)> {
        (first..self.rows.len())
            .step_by(every)
            .map(|at| {
                let row = &self.rows[at];
                (at, self.sources[row.source].name.as_str(), row.when, row.time)
            })
            .collect()
    }
}

impl Run {
    fn row(&self, at: usize) -> PyResult<&Row> {
        self.rows.get(at).ok_or_else(|| PyIndexError::new_err("no such row"))
    }
}
