//! Names of VTIs for completion, where a missing one is no harm and a message would be: failures are not told.

use super::link;
use std::fs;

/// VyOS's active configuration is a tree of directories, one below this a VTI. A VTI that is configured exists, except while its
/// configuration is changed; VyOS's own commands complete from here.
const CONFIGURED: &str = "/opt/vyatta/config/active/interfaces/vti";

/// See [`super::vti_names`].
pub(super) fn vti_names() -> Vec<String> {
    let links = link::links().unwrap_or_default();
    let existing = links.into_iter().filter(|link| link.driver().is_some()).map(|link| link.name);
    let configured = fs::read_dir(CONFIGURED).into_iter().flatten().flatten();
    let configured = configured.filter_map(|entry| entry.file_name().into_string().ok());
    existing.chain(configured).collect()
}
