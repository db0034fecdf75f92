//! Whether SAs or policies of a tunnel changed while they were read. Then an SA or policy that is missing in the lists may exist.

use super::{MarkOrIfId, Tunnel};
use crate::snapshot::{Changed, IfId};

impl Tunnel<'_> {
    /// Whether SAs or policies of the interface changed while the lists were read, or whether this is unknown.
    pub fn is_unsettled(&self) -> bool {
        let unsettled = &self.state.snapshot.unsettled;
        unsettled.any || unsettled.changed.iter().any(|changed| self.may_own(changed))
    }

    /// Whether what changed may belong to the interface, in either direction. An SA or policy without a mark can serve every vti: it may belong to
    /// those with its peer, and to those whose peers are unknown.
    fn may_own(&self, changed: &Changed) -> bool {
        let (input, output) = match self.mark_or_if_id {
            MarkOrIfId::IfId(if_id) => return changed.if_id == if_id || self.collects_metadata(),
            MarkOrIfId::Mark { input, output } => (input, output),
        };
        if changed.if_id != IfId(0) {
            return false;
        }
        if changed.mark.mask != 0 {
            return changed.mark.admits(input) || changed.mark.admits(output);
        }
        let mut ends = changed.source.into_iter().chain(changed.destination).peekable();
        match self.peers() {
            Ok(peers) if !peers.is_empty() && ends.peek().is_some() => {
                ends.any(|end| peers.contains(&end))
            }
            _ => true,
        }
    }
}
