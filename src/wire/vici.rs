//! VICI, the protocol of strongSwan's management socket: packets and the tree of names and values in them. Total: no input makes it panic,
//! and nesting and size are bounded. It knows no command; [`super::ike`] does. Source: strongSwan, src/libcharon/plugins/vici/README.md.

use super::WireError;

/// The largest packet that charon sends or takes, 512 KiB.
pub const LARGEST_PACKET: usize = 512 * 1024;

/// Sections within sections; charon's deepest answer has 5.
const DEEPEST: usize = 16;

/// Sections in all answers of one daemon: ten thousand IKE_SAs, each with a connection, a CHILD_SA and a trap policy, have some 90,000.
const MOST_SECTIONS: usize = 131_072;

/// Items of lists in all answers of one daemon: those ten thousand have some 140,000.
const MOST_ITEMS: usize = 262_144;

/// The type of a packet, its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A named request.
    Request = 0,
    /// The answer to a request, without a name.
    Response = 1,
    /// No such command.
    Unknown = 2,
    /// Asks for the events of a name.
    Register = 3,
    /// Asks for them no longer.
    Unregister = 4,
    /// The event was registered or unregistered.
    Confirm = 5,
    /// No such event.
    UnknownEvent = 6,
    /// A named event.
    Event = 7,
}

/// A received packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// What it is.
    pub kind: Kind,
    /// The name of an event; empty on others.
    pub name: &'a [u8],
    /// The message, for [`Section::decode`].
    pub message: &'a [u8],
}

/// A request for a command or an event, with the length that goes before it. `flags` are keys that are set to `yes`. Names have at most
/// 255 bytes.
pub fn request(kind: Kind, name: &str, flags: &[&str]) -> Vec<u8> {
    let mut packet = vec![kind as u8];
    packet.extend(counted(name));
    for flag in flags {
        packet.push(3);
        packet.extend(counted(flag));
        packet.extend(b"\x00\x03yes");
    }
    let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &packet].concat()
}

/// A name with its length in one byte before it.
fn counted(name: &str) -> Vec<u8> {
    let name = name.as_bytes().get(..255).unwrap_or(name.as_bytes());
    [&[u8::try_from(name.len()).unwrap_or(u8::MAX)], name].concat()
}

impl<'a> Packet<'a> {
    /// A packet without the length before it.
    ///
    /// # Errors
    /// The type is not known, or the name is longer than the packet.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader { rest: bytes };
        let kind = match reader.byte("VICI packet")? {
            0 => Kind::Request,
            1 => Kind::Response,
            2 => Kind::Unknown,
            3 => Kind::Register,
            4 => Kind::Unregister,
            5 => Kind::Confirm,
            6 => Kind::UnknownEvent,
            7 => Kind::Event,
            other => {
                return Err(WireError::Value { what: "VICI packet type", value: other.into() });
            }
        };
        let is_named =
            matches!(kind, Kind::Request | Kind::Register | Kind::Unregister | Kind::Event);
        let name = if is_named { reader.short("VICI packet name")? } else { &[] };
        Ok(Self { kind, name, message: reader.rest })
    }
}

/// How much more may be decoded of the answers of one daemon. A section is three bytes on the wire and hundreds in memory, so a limit of
/// bytes alone does not bound what they become.
#[derive(Clone, Debug)]
pub struct Budget {
    sections: usize,
    items: usize,
}

impl Default for Budget {
    /// All of it.
    fn default() -> Self {
        Self { sections: MOST_SECTIONS, items: MOST_ITEMS }
    }
}

impl Budget {
    fn take_section(&mut self) -> Result<(), WireError> {
        let full = WireError::TooMany { what: "VICI sections", most: MOST_SECTIONS };
        self.sections = self.sections.checked_sub(1).ok_or(full)?;
        Ok(())
    }

    fn take_item(&mut self) -> Result<(), WireError> {
        let full = WireError::TooMany { what: "VICI list items", most: MOST_ITEMS };
        self.items = self.items.checked_sub(1).ok_or(full)?;
        Ok(())
    }
}

/// A section of a message: names with values, lists or sections, in the order they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    items: Vec<(String, Item)>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Value(String),
    List(Vec<String>),
    Section(Section),
}

impl Section {
    /// The message of a packet, which takes from `budget`. Bytes that are no UTF-8 become replacement characters.
    ///
    /// # Errors
    /// It ends within an element, an element is not known or where it cannot be, sections are nested too deeply, or the budget is used up.
    pub fn decode(message: &[u8], budget: &mut Budget) -> Result<Self, WireError> {
        let mut reader = Reader { rest: message };
        // The sections that are open, each with the name it will have in the one around it.
        let mut open = vec![(String::new(), Section::default())];
        while !reader.rest.is_empty() {
            let element = reader.byte("VICI element")?;
            let item = match element {
                1 if open.len() > DEEPEST => {
                    return Err(WireError::Value {
                        what: "VICI section depth",
                        value: open.len() as u64,
                    });
                }
                1 => {
                    budget.take_section()?;
                    open.push((text(reader.short("VICI section name")?), Section::default()));
                    continue;
                }
                2 if open.len() > 1 => {
                    open.pop().map(|(name, section)| (name, Item::Section(section)))
                }
                3 => {
                    let name = text(reader.short("VICI key")?);
                    Some((name, Item::Value(text(reader.long("VICI value")?))))
                }
                4 => {
                    Some((text(reader.short("VICI list name")?), Item::List(reader.list(budget)?)))
                }
                other => {
                    return Err(WireError::Value { what: "VICI element", value: other.into() });
                }
            };
            if let (Some(item), Some((_, section))) = (item, open.last_mut()) {
                section.items.push(item);
            }
        }
        match (open.pop(), open.is_empty()) {
            (Some((_, root)), true) => Ok(root),
            _ => Err(WireError::Absent { what: "VICI section end" }),
        }
    }

    /// The value of a name; none where it has none or stands for something else.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.items.iter().find_map(|(n, item)| match item {
            Item::Value(value) if n == name => Some(value.as_str()),
            _ => None,
        })
    }

    /// The items of a list; none of them where there is no such list.
    pub fn list(&self, name: &str) -> Vec<String> {
        self.items
            .iter()
            .find_map(|(n, item)| match item {
                Item::List(list) if n == name => Some(list.clone()),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// A section of this one.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections().find(|(n, _)| *n == name).map(|(_, section)| section)
    }

    /// The sections in it, with their names; names may repeat.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &Section)> {
        self.items.iter().filter_map(|(name, item)| match item {
            Item::Section(section) => Some((name.as_str(), section)),
            _ => None,
        })
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What is left of a message.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, what: &'static str, need: usize) -> Result<&'a [u8], WireError> {
        let have = self.rest.len();
        let (taken, rest) =
            self.rest.split_at_checked(need).ok_or(WireError::Short { what, need, have })?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, WireError> {
        Ok(self.take(what, 1)?.first().copied().unwrap_or_default())
    }

    /// Bytes with their length in one byte before them.
    fn short(&mut self, what: &'static str) -> Result<&'a [u8], WireError> {
        let length = self.byte(what)?;
        self.take(what, length.into())
    }

    /// Bytes with their length in two bytes before them.
    fn long(&mut self, what: &'static str) -> Result<&'a [u8], WireError> {
        let length = self.take(what, 2)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        self.take(what, length)
    }

    /// The items of a list, and its end.
    fn list(&mut self, budget: &mut Budget) -> Result<Vec<String>, WireError> {
        let mut items = Vec::new();
        loop {
            match self.byte("VICI list")? {
                5 => {
                    budget.take_item()?;
                    items.push(text(self.long("VICI list item")?));
                }
                6 => return Ok(items),
                other => {
                    return Err(WireError::Value {
                        what: "VICI list element",
                        value: other.into(),
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{a = 1, s { l = [x, y] } }`
    const MESSAGE: &[u8] =
        b"\x03\x01a\x00\x011\x01\x01s\x04\x01l\x05\x00\x01x\x05\x00\x01y\x06\x02";

    fn decode(message: &[u8]) -> Result<Section, WireError> {
        Section::decode(message, &mut Budget::default())
    }

    #[test]
    fn a_message_becomes_its_tree() {
        let root = decode(MESSAGE).unwrap();
        assert_eq!(root.value("a"), Some("1"));
        assert_eq!(root.value("s"), None);
        assert_eq!(root.section("s").unwrap().list("l"), ["x", "y"]);
        assert_eq!(root.sections().count(), 1);
    }

    #[test]
    fn a_message_that_ends_early_is_an_error_wherever_it_ends() {
        let complete = [6, 23];
        for end in 1..MESSAGE.len() {
            assert_eq!(decode(&MESSAGE[..end]).is_ok(), complete.contains(&end), "{end}");
        }
    }

    #[test]
    fn sections_are_nested_no_deeper_than_any_answer_is() {
        let nested = |depth: usize| [b"\x01\x00".repeat(depth), b"\x02".repeat(depth)].concat();
        assert!(decode(&nested(DEEPEST)).is_ok());
        let error = decode(&nested(DEEPEST + 1)).unwrap_err();
        assert_eq!(error.to_string(), "VICI section depth: unexpected value 17");
    }

    #[test]
    fn all_messages_together_have_no_more_sections_and_items_than_there_is_room_for() {
        let mut budget = Budget { sections: 3, items: 4 };
        assert!(Section::decode(MESSAGE, &mut budget).is_ok());
        assert!(Section::decode(MESSAGE, &mut budget).is_ok());
        let error = Section::decode(MESSAGE, &mut budget.clone()).unwrap_err();
        assert_eq!(error.to_string(), "VICI list items: more than 262144");
        assert!(Section::decode(b"\x01\x00\x02", &mut budget).is_ok());
        let error = Section::decode(b"\x01\x00\x02", &mut budget).unwrap_err();
        assert_eq!(error.to_string(), "VICI sections: more than 131072");
        assert!(Section::decode(b"\x03\x01a\x00\x011", &mut budget).is_ok());
    }

    #[test]
    fn an_end_without_a_section_is_an_error() {
        assert!(decode(b"\x02").is_err());
        assert!(decode(b"\x06").is_err());
    }

    #[test]
    fn a_request_has_its_length_type_and_name() {
        assert_eq!(request(Kind::Request, "stats", &[]), b"\x00\x00\x00\x07\x00\x05stats");
        assert_eq!(request(Kind::Register, "list-sa", &[]).get(4), Some(&3));
        let with_flag = request(Kind::Request, "a", &["b"]);
        assert_eq!(with_flag, b"\x00\x00\x00\x0b\x00\x01a\x03\x01b\x00\x03yes");
    }

    #[test]
    fn a_packet_has_a_name_only_where_its_type_has_one() {
        let event = Packet::decode(b"\x07\x02ab\x03").unwrap();
        assert_eq!(
            (event.kind, event.name, event.message),
            (Kind::Event, &b"ab"[..], &b"\x03"[..])
        );
        let response = Packet::decode(b"\x01\x02ab").unwrap();
        assert_eq!((response.name, response.message), (&b""[..], &b"\x02ab"[..]));
        assert!(
            Packet::decode(b"").is_err()
                && Packet::decode(b"\x08").is_err()
                && Packet::decode(b"\x07\x05a").is_err()
        );
    }
}
