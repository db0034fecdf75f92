//! Stub: a snapshot from a saved `/proc/net/dev`.

use crate::error::{Error, Result};
use crate::snapshot::Snapshot;
use std::path::Path;

/// A snapshot of a saved `/proc/net/dev` and, where given, the `/proc/net/xfrm_stat` of the same host.
///
/// # Errors
/// Always: this is a stub.
pub fn load_text(net_dev: &Path, _: Option<&Path>) -> Result<Snapshot> {
    Err(Error::DataUnavailable(format!("cannot read {}: stub", net_dev.display())))
}
