//! Names of VTIs for completion. A missing name does no harm there but a message would, so failures are not reported.

use super::link;
use std::fs;

/// The directory of VyOS's active configuration with one directory for each VTI. A configured VTI exists, except while its configuration is
/// being changed; VyOS's own commands complete from here, too.
const CONFIGURED: &str = "/opt/vyatta/config/active/interfaces/vti";

/// See [`super::vti_names`].
pub(super) fn vti_names() -> Vec<String> {
    let links = link::links().unwrap_or_default();
    let existing = links.into_iter().filter(|link| link.driver().is_some()).map(|link| link.name);
    let configured = fs::read_dir(CONFIGURED).into_iter().flatten().flatten();
    let configured = configured.filter_map(|entry| entry.file_name().into_string().ok());
    existing.chain(configured).collect()
}
