//! Reads the recordings of this folder and decodes their messages by type.

use serde::Serialize;
use std::fmt::Debug;
use std::sync::OnceLock;
use vti_diagnostics::snapshot::filter;
use vti_diagnostics::snapshot::{
    Address, DefaultPolicies, Link, Neighbour, Policy, Queue, Route, RouteAnswer, Rule, Sa,
    SadInfo, SpdInfo,
};
use vti_diagnostics::wire::netlink::{self, DONE, ERROR, Message};
use vti_diagnostics::wire::{
    WireError, address, link, neighbour, nft, queue, route, rule, xfrm_info, xfrm_policy,
    xfrm_state,
};

macro_rules! files {
    ($($name:literal)*) => { [$(($name, include_str!(concat!($name, ".hex"))),)*] };
}

const FILES: [(&str, &str); 26] = files! {
    "6.1-links" "6.1-addresses" "6.1-rules" "6.1-routes" "6.1-answers" "6.1-neighbours" "6.1-states" "6.1-policies"
    "6.1-sadinfo" "6.1-spdinfo" "6.1-default" "6.1-nft" "6.1-queues"
    "6.12-links" "6.12-addresses" "6.12-rules" "6.12-routes" "6.12-answers" "6.12-neighbours" "6.12-states" "6.12-policies"
    "6.12-sadinfo" "6.12-spdinfo" "6.12-default" "6.12-nft" "6.12-queues"
};

/// One message with its header, and the file that it is from.
pub struct Recorded {
    pub name: &'static str,
    pub message: Vec<u8>,
}

/// Every message of every file; the ends of dumps and refusals, too.
pub fn recorded() -> Vec<Recorded> {
    let mut all = Vec::new();
    for (name, text) in FILES {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let digits = line.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
            let datagram: Vec<u8> = digits.map(|d| u8::from_str_radix(d, 16).unwrap()).collect();
            let mut rest = datagram.as_slice();
            for message in netlink::messages(&datagram) {
                let length = message.unwrap().payload.len() + 16;
                all.push(Recorded { name, message: rest[..length].to_vec() });
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }
    all
}

/// What a message of a recording says.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Decoded {
    Link(Link),
    Address(Option<Address>),
    Rule(Option<Rule>),
    Routes(Vec<Route>),
    Answer(RouteAnswer),
    Neighbour(Option<Neighbour>),
    Queue(Option<Queue>),
    State(Box<Sa>),
    Policy(Policy),
    Sad(SadInfo),
    Spd(SpdInfo),
    Default(DefaultPolicies),
    Nft(Option<filter::Rule>),
    Chain(Option<filter::Chain>),
    Elements(Vec<Vec<filter::Element>>),
    Other(String),
    Errno(i32),
}

impl Decoded {
    pub fn yaml(&self) -> String {
        // Through JSON: the library writes no enum within another.
        serde_yaml::to_string(&serde_json::to_value(self).unwrap()).unwrap()
    }
}

/// Decodes a message of the file `name`.
pub fn decode(name: &str, message: &Message<'_>) -> Result<Decoded, WireError> {
    if matches!(message.kind, DONE | ERROR) {
        return message.errno().map(Decoded::Errno);
    }
    let payload = message.payload;
    Ok(match name.split_once('-').unwrap().1 {
        "links" => Decoded::Link(link::decode(payload)?),
        "addresses" => Decoded::Address(address::decode(payload)?),
        "rules" => Decoded::Rule(rule::decode(payload)?),
        "routes" => Decoded::Routes(route::decode(payload)?),
        "answers" => Decoded::Answer(route::decode_answer(payload)?),
        "neighbours" => Decoded::Neighbour(neighbour::decode(payload)?),
        "queues" => Decoded::Queue(queue::decode(payload)?),
        "states" => Decoded::State(Box::new(xfrm_state::decode(payload)?)),
        "policies" => Decoded::Policy(xfrm_policy::decode(payload)?),
        "sadinfo" => Decoded::Sad(xfrm_info::decode_sad(payload)?),
        "spdinfo" => Decoded::Spd(xfrm_info::decode_spd(payload)?),
        "nft" => decode_nft(message)?,
        "default" => Decoded::Default(xfrm_info::decode_default(payload)?),
        other => panic!("no decoder for {other}"),
    })
}

/// The sets of a recorded ruleset, and how its rules use them.
struct Context {
    sets: nft::Sets,
    uses: Vec<(nft::SetKey, nft::Layout)>,
}

fn context() -> &'static Context {
    static CONTEXT: OnceLock<Context> = OnceLock::new();
    CONTEXT.get_or_init(|| {
        let all = recorded();
        let payloads = |kind: u16| {
            let messages = all.iter().filter(|recorded| recorded.name == "6.12-nft");
            messages.filter_map(move |recorded| {
                let message = netlink::messages(&recorded.message).next()?.ok()?;
                (message.kind == kind).then(|| message.payload.to_vec())
            })
        };
        let mut sets = nft::Sets::default();
        for payload in payloads(nft::NEWSET) {
            sets.insert(nft::decode_set(&payload).unwrap().unwrap());
        }
        let rules = payloads(nft::NEWRULE).map(|p| nft::decode_rule(&p, &sets).unwrap().unwrap());
        let uses = rules.flat_map(|rule| {
            let key = |set: &str| sets.get(rule.family, &rule.table, set).unwrap();
            rule.sets.iter().map(|of| (key(&of.set), of.layout.clone())).collect::<Vec<_>>()
        });
        let uses = uses.collect();
        Context { sets, uses }
    })
}

fn decode_nft(message: &Message<'_>) -> Result<Decoded, WireError> {
    let payload = message.payload;
    Ok(match message.kind {
        nft::NEWRULE => {
            let rule = nft::decode_rule(payload, &context().sets)?;
            Decoded::Nft(rule.map(|new| new.rule))
        }
        nft::NEWCHAIN => Decoded::Chain(nft::decode_chain(payload)?),
        nft::NEWTABLE => Decoded::Other(format!("{:?}", nft::decode_table(payload)?)),
        nft::NEWSET => Decoded::Other(format!("{:?}", nft::decode_set(payload)?)),
        nft::NEWSETELEM => {
            let raw = nft::decode_elements(payload)?;
            // As each of the sets that a rule uses: a message does not say what its keys are.
            let uses = context().uses.iter();
            let as_used = |(key, layout): &(_, _)| nft::elements(*key, layout, raw.clone());
            Decoded::Elements(uses.map(as_used).collect())
        }
        nft::NEWGEN => Decoded::Other(format!("{:?}", nft::decode_generation(payload)?)),
        // Changed at random, a message may be of any kind.
        other => Decoded::Other(format!("kind {other}")),
    })
}
