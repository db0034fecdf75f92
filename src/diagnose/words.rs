//! What fills the places of commands: what is known of one tunnel, each value as one word of a shell. An unknown value stays in capitals,
//! for the reader to fill in: `PEER`. It knows no command.

use crate::snapshot::RouteQuery;
use std::borrow::Cow;
use std::fmt::Write;

macro_rules! words {
    ($($word:ident $name:literal $unknown:literal $meaning:literal;)*) => {
        /// A place in a command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Word { $(#[doc = $meaning] $word,)* }

        impl Word {
            fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Word::$word),)* _ => None }
            }

            /// The text where the value is unknown.
            const fn unknown(self) -> &'static str {
                match self { $(Word::$word => $unknown,)* }
            }
        }
    };
}

// A place, its name in forms, the text where its value is unknown, its meaning.
words! {
    Interface "interface" "IFACE" "The VTI.";
    Peer "peer" "PEER" "The peer, as VyOS's configuration names it.";
    Remote "remote" "PEER" "The peer's outer address.";
    Ike "ike" "NAME" "charon's connection.";
    Child "child" "NAME" "The CHILD configuration.";
    Wan "wan" "WAN" "The device through which encrypted packets leave.";
    Route "route" "PEER" "The question for the route of encrypted packets: destination, source, mark.";
    Destination "destination" "DESTINATION" "An address behind the tunnel.";
    Prefix "prefix" "PREFIX" "A prefix behind the tunnel.";
    Scope "scope" "all" "The scope of a sysctl: an interface, or all.";
    Mtu "mtu" "1400" "An MTU that fits.";
    Family "family" "ip" "The family of an nftables table.";
    Table "table" "TABLE" "A table of nftables.";
    Chain "chain" "CHAIN" "A chain of nftables.";
    Node "node" "ip" "The family as VyOS's configuration names it.";
    Since "since" "-1h" "The time from which the log is read.";
}

/// Which end of a tunnel starts the negotiation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begins {
    /// This one, by VyOS's configuration: only there `reset` restarts the negotiation (vyos-1x, src/op_mode/ipsec.py, `reset_peer`).
    Here,
    /// Unknown, or neither by itself: a command has to start it at this end.
    #[default]
    WhoIsTold,
    /// Only the peer: its address is unknown here.
    Peer,
}

impl Begins {
    /// Every one.
    pub const ALL: &[Begins] = &[Begins::Here, Begins::WhoIsTold, Begins::Peer];
}

/// The known values of places, each as one word of a shell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    places: Vec<(Word, String)>,
    /// The question of [`Word::Route`], written only when a command needs it: few do, and writing it takes longer than everything else here.
    route: Option<(RouteQuery, Option<String>)>,
    begins: Begins,
}

impl Words {
    /// Adds a value; it replaces an earlier one.
    pub fn set(&mut self, word: Word, value: &str) {
        self.places.push((word, quoted(value)));
    }

    /// Sets which end starts the negotiation.
    pub fn set_begins(&mut self, begins: Begins) {
        self.begins = begins;
    }

    /// The question for a route, in the words of iproute2.
    pub fn set_route(&mut self, query: &RouteQuery, vrf: Option<&str>) {
        self.route = Some((query.clone(), vrf.map(quoted)));
    }

    /// Which end starts the negotiation, as far as known.
    pub(super) const fn begins(&self) -> Begins {
        self.begins
    }

    /// The value of this place; none where it is unknown.
    pub(super) fn get(&self, word: Word) -> Option<Cow<'_, str>> {
        if let (Word::Route, Some((query, vrf))) = (word, &self.route) {
            return Some(Cow::Owned(question(query, vrf.as_deref())));
        }
        let known = self.places.iter().rev().find(|(known, _)| *known == word);
        known.map(|(_, value)| Cow::Borrowed(value.as_str()))
    }
}

fn question(query: &RouteQuery, vrf: Option<&str>) -> String {
    let mut question = query.destination.to_string();
    let from = query.source.map(|source| format!(" from {source}"));
    let mark = (query.mark != 0).then(|| format!(" mark {:#x}", query.mark));
    let vrf = vrf.map(|name| format!(" vrf {name}"));
    question.extend([from, mark, vrf].into_iter().flatten());
    question
}

/// A name as one word of a command: quoted where a shell would treat a character specially.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:@/-".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

/// A form with its places filled in. An unknown place stays as written.
pub(super) fn fill<'a>(form: &str, value: impl Fn(Word) -> Option<Cow<'a, str>>) -> String {
    let mut filled = String::with_capacity(form.len());
    let mut rest = form;
    while let Some((before, place, after)) = next_place(rest) {
        filled.push_str(before);
        match Word::named(place) {
            Some(word) => filled.push_str(&value(word).unwrap_or(Cow::Borrowed(word.unknown()))),
            None => _ = write!(filled, "{{{place}}}"),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// The text before the first `{place}`, the place, and the text after it.
pub(super) fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (place, after) = rest.split_once('}')?;
    Some((before, place, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::commands::{Command, System};

    #[test]
    fn a_name_that_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("AWS-A.1:2@x"), "AWS-A.1:2@x");
        assert_eq!(quoted("10.0.0.0/8"), "10.0.0.0/8");
        assert_eq!(quoted("a; reboot"), "'a; reboot'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn each_place_of_a_form_is_known() {
        for command in Command::ALL {
            for system in System::ALL {
                let filled = fill(&command.form(*system), |_| None);
                assert!(!filled.contains(['{', '}']), "{command:?}: {filled}");
            }
        }
    }
}
