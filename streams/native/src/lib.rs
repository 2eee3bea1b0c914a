//! The hot path of a partition, compiled: bytes of plain purchases to rows, rows to the records of customers.
//!
//! Everything here has its reference in Python, which decides whatever is doubted here:
//! `schemas.hot` for what a message means, `streams.core.partition.intake` for what it does.

use pyo3::prelude::*;

mod apply;
mod decode;
mod lines;
mod log;
mod partitioner;
mod purchase;
mod run;
mod text;

#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::apply::Store;
    #[pymodule_export]
    use crate::decode::PurchaseDecoder;
    #[pymodule_export]
    use crate::lines::{LineDecoder, Lines};
    #[pymodule_export]
    use crate::log::Records;
    #[pymodule_export]
    use crate::run::Run;

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::prelude::*;
        module.add("LAYOUT", crate::apply::LAYOUT)
    }
}
