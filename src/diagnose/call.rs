//! A command of the catalogue as it is typed for one tunnel: its places filled, and begun from the end that can begin. It runs nothing.

use super::commands::{Changes, Command, Release, System};
use super::words::{Begins, Word, Words, fill};
use crate::snapshot::RouteQuery;

/// A command, with what only its caller knows.
#[derive(Clone, Debug)]
pub struct Call {
    command: Command,
    words: Words,
}

impl From<Command> for Call {
    fn from(command: Command) -> Self {
        Self { command, words: Words::default() }
    }
}

impl Call {
    /// With this word.
    pub fn with(mut self, word: Word, value: impl ToString) -> Self {
        self.words.set(word, &value.to_string());
        self
    }

    /// With this question for a route.
    pub fn with_route(mut self, query: &RouteQuery, vrf: Option<&str>) -> Self {
        self.words.set_route(query, vrf);
        self
    }

    /// Whether it changes something.
    pub const fn changes(&self) -> Changes {
        self.command.changes()
    }

    /// Whether it asks for a negotiation that only the peer can begin.
    pub fn waits_for_peer(&self, known: &Words) -> bool {
        known.begins() == Begins::Peer && negotiates(self.command)
    }

    /// As it is typed on `system`, its places filled with the caller's words and else with `known`; none where `system` has no such
    /// command.
    pub fn text(&self, system: System, known: &Words) -> Option<String> {
        if self.waits_for_peer(known) {
            return None;
        }
        let form = form_of(self.command, system, known.begins());
        (!form.is_empty()).then(|| fill(&form, |word| self.words.get(word).or(known.get(word))))
    }
}

impl Command {
    /// With a word that only the caller knows.
    pub fn with(self, word: Word, value: impl ToString) -> Call {
        Call::from(self).with(word, value)
    }
}

/// Whether it lets charon negotiate, or another daemon.
const fn negotiates(command: Command) -> bool {
    use Command::{InitiateChild, RekeyChild, RestartChild, RestartIke};
    matches!(command, RestartChild | RestartIke | RekeyChild | InitiateChild)
}

/// As it is typed where this end begins, or does not.
fn form_of(command: Command, system: System, begins: Begins) -> String {
    // 1.3 begins in any case: `ipsec down` and `ipsec up` of each connection (vyatta-op-vpn equuleus,
    // scripts/vyatta-vpn-op.pl, clear_tunnel).
    let resets =
        negotiates(command) && matches!(system, System::Vyos(Release::V1_4 | Release::Current));
    match (resets, begins) {
        (true, Begins::Here) => Command::RestartChild.form(system),
        (true, _) => command.form_of_root(),
        (false, _) => command.form(system),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_filled_in_and_the_rest_stays_to_be_filled_in() {
        let mut known = Words::default();
        known.set(Word::Peer, "AZURE");
        known.set(Word::Interface, "vti 7");
        known.set_begins(Begins::Here);
        let restart = Call::from(Command::RestartChild);
        let text = |call: &Call, system| call.text(system, &known);
        let reset = "reset vpn ipsec site-to-site peer AZURE";
        assert_eq!(text(&restart, System::Vyos(Release::Current)).as_deref(), Some(reset));
        let old = text(&restart, System::Vyos(Release::V1_3));
        assert_eq!(old.as_deref(), Some("reset vpn ipsec-peer AZURE"));
        let linux = text(&restart, System::Linux);
        assert_eq!(
            linux.as_deref(),
            Some("swanctl --terminate --child NAME; swanctl --initiate --child NAME")
        );
        let mtu = Command::SetMtu.with(Word::Mtu, 1380);
        assert_eq!(text(&mtu, System::Linux).as_deref(), Some("ip link set 'vti 7' mtu 1380"));
        assert_eq!(text(&Command::BoundPeers.into(), System::Linux), None);
    }

    /// vyos-1x, src/op_mode/ipsec.py, `reset_peer`: it initiates where `connection-type initiate` is set, and else only ends what is there.
    #[test]
    fn reset_is_said_only_where_it_begins_anew() {
        let mut known = Words::default();
        known.set(Word::Child, "AZURE-vti");
        let typed = |known: &Words, release| {
            let call = Call::from(Command::InitiateChild);
            call.text(System::Vyos(release), known)
        };
        let told = Some("sudo swanctl --initiate --child AZURE-vti".to_owned());
        assert_eq!(typed(&known, Release::V1_4), told);
        assert_eq!(typed(&known, Release::Current), told);
        let old = Some("reset vpn ipsec-peer PEER".to_owned());
        assert_eq!(typed(&known, Release::V1_3), old);
        known.set_begins(Begins::Here);
        let reset = Some("reset vpn ipsec site-to-site peer PEER".to_owned());
        assert_eq!(typed(&known, Release::Current), reset);
        known.set_begins(Begins::Peer);
        assert_eq!(typed(&known, Release::Current), None);
        assert_eq!(typed(&known, Release::V1_3), None);
    }
}
