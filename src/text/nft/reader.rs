//! What is known of a rule while its words are taken: its steps, the sets that it uses, and what a packet is that got so
//! far. It takes no words but those behind a verdict.

use super::selector::{IPV4, IPV6, Selector};
use super::set::{Raw, RawElement};
use super::tokens::{Cursor, Token};
use crate::snapshot::filter::{Field, Match, Part, Range, Step, TableFamily, Value};
use crate::text::words::number;

const ETH_P_IP: u64 = 0x0800;
const ETH_P_IPV6: u64 = 0x86dd;

/// What is known of a rule so far.
pub(super) struct Reader {
    family: TableFamily,
    ip: Option<u64>,
    protocol: Option<u8>,
    pub(super) steps: Vec<Step>,
    pub(super) uses: Vec<(String, Vec<Selector>)>,
    pub(super) inline: Vec<Vec<RawElement>>,
    /// How many sets without a name the table has before this rule.
    numbered: usize,
    pub(super) comment: String,
    pub(super) handle: Option<u64>,
}

/// Why a rule is not followed any further: the kernel's expression.
pub(super) struct Lost(pub &'static str);

impl Reader {
    /// Of a table of this family that has so many sets without a name before the rule.
    pub(super) fn new(family: TableFamily, numbered: usize) -> Self {
        Self {
            family,
            ip: match family {
                TableFamily::Ip => Some(IPV4),
                TableFamily::Ip6 => Some(IPV6),
                _ => None,
            },
            protocol: None,
            steps: Vec::new(),
            uses: Vec::new(),
            inline: Vec::new(),
            numbered,
            comment: String::new(),
            handle: None,
        }
    }

    /// What is behind a verdict with options: a comment and a number.
    pub(super) fn end(&mut self, cursor: &mut Cursor<'_, '_>) {
        while let Some(token) = cursor.next() {
            match token {
                Token::Word("comment") => {
                    if let Some(Token::Quoted(text)) = cursor.next() {
                        text.clone_into(&mut self.comment);
                    }
                }
                Token::Word("#") if cursor.eat("handle") => {
                    self.handle = cursor.word().and_then(number);
                }
                _ => {}
            }
        }
    }

    pub(super) fn undecided(&mut self, expression: &str) {
        let step = Step::Undecided(expression.to_owned());
        if !self.steps.contains(&step) {
            self.steps.push(step);
        }
    }

    /// The packet must have this protocol and be of this IP, where that is not asked already.
    pub(super) fn require(&mut self, family: Option<u64>, protocol: Option<u8>) {
        let condition = |field, number| {
            let (of, values) =
                (vec![Part { field, mask: None }], vec![Value::Numbers(vec![Range::of(number)])]);
            Step::Match(Match { of, not: false, values, set: None })
        };
        if let Some(family) = family.filter(|family| self.ip != Some(*family)) {
            // Devices and bridges see other packets than those of IP.
            let by_type = matches!(self.family, TableFamily::Netdev | TableFamily::Bridge);
            self.steps.push(match (by_type, family) {
                (false, family) => condition(Field::Family, family),
                (true, IPV4) => condition(Field::Ethertype, ETH_P_IP),
                (true, _) => condition(Field::Ethertype, ETH_P_IPV6),
            });
            self.ip = Some(family);
        }
        if let Some(protocol) = protocol.filter(|protocol| self.protocol != Some(*protocol)) {
            self.steps.push(condition(Field::Protocol, protocol.into()));
            self.protocol = Some(protocol);
        }
    }

    /// What a packet is that gets past this condition.
    pub(super) fn learn(&mut self, condition: &Match) {
        let ([part], false, [Value::Numbers(numbers)]) =
            (condition.of.as_slice(), condition.not, condition.values.as_slice())
        else {
            return;
        };
        let [Range { first, last }] = numbers.as_slice() else { return };
        match &part.field {
            _ if first != last => {}
            Field::Family => self.ip = Some(*first),
            Field::Protocol => self.protocol = u8::try_from(*first).ok(),
            _ => {}
        }
    }

    pub(super) const fn family(&self) -> TableFamily {
        self.family
    }

    /// The name of the next set without one.
    pub(super) fn inline(&mut self, elements: Vec<RawElement>) -> String {
        let name = Raw::inline_name(self.numbered.saturating_add(self.inline.len()));
        self.inline.push(elements);
        name
    }
}
