//! charon's answers over VICI as the types of [`crate::snapshot::ike`]. A number that is none is left out: the daemon's version may
//! write it otherwise, and the rest still holds.

use super::vici::Section;
use crate::snapshot::ike::{Child, ChildSa, Connection, IkeSa, Trap};
use crate::snapshot::{IfId, Mark, ReqId, Spi};

/// The event `list-conn`: sections by the name of their connection.
pub fn connections(event: &Section) -> Vec<Connection> {
    event.sections().map(|(name, section)| connection(name, section)).collect()
}

fn connection(name: &str, section: &Section) -> Connection {
    let children = section.section("children").into_iter().flat_map(Section::sections);
    Connection {
        name: name.to_owned(),
        version: word(section, "version"),
        local_addresses: section.list("local_addrs"),
        remote_addresses: section.list("remote_addrs"),
        reauth_seconds: decimal(section, "reauth_time").unwrap_or(0),
        unique: word(section, "unique"),
        children: children.map(|(name, section)| child(name, section)).collect(),
    }
}

fn child(name: &str, section: &Section) -> Child {
    Child {
        name: name.to_owned(),
        mode: word(section, "mode"),
        local_ts: section.list("local-ts"),
        remote_ts: section.list("remote-ts"),
        dpd_action: word(section, "dpd_action"),
        close_action: word(section, "close_action"),
    }
}

/// The event `list-policy`: sections `connection/child`, those of trap policies among them.
pub fn traps(event: &Section) -> Vec<Trap> {
    // Drop and pass policies ("shunts") have no connection.
    let traps = event.sections().filter(|(_, section)| section.value("ike").is_some());
    traps
        .map(|(_, section)| Trap {
            connection: word(section, "ike"),
            child: word(section, "child"),
        })
        .collect()
}

/// The event `list-sa`: sections by the name of their connection.
pub fn ike_sas(event: &Section) -> Vec<IkeSa> {
    event.sections().map(|(name, section)| ike_sa(name, section)).collect()
}

fn ike_sa(connection: &str, section: &Section) -> IkeSa {
    let children = section.section("child-sas").into_iter().flat_map(Section::sections);
    let says_yes = |name| section.value(name) == Some("yes");
    IkeSa {
        connection: connection.to_owned(),
        unique_id: decimal(section, "uniqueid").unwrap_or(0),
        version: decimal(section, "version").unwrap_or(0),
        state: word(section, "state"),
        local_host: word(section, "local-host"),
        remote_host: word(section, "remote-host"),
        local_id: word(section, "local-id"),
        remote_id: word(section, "remote-id"),
        initiator: says_yes("initiator"),
        nat: says_yes("nat-local") || says_yes("nat-remote"),
        established_seconds: decimal(section, "established"),
        reauth_seconds: decimal(section, "reauth-time"),
        tasks_queued: section.list("tasks-queued"),
        tasks_active: section.list("tasks-active"),
        tasks_passive: section.list("tasks-passive"),
        children: children.map(|(_, section)| child_sa(section)).collect(),
    }
}

fn child_sa(section: &Section) -> ChildSa {
    let hex = |name| hexadecimal(section, name).unwrap_or(0);
    let mark = |value, mask| Mark {
        value: hexadecimal(section, value).unwrap_or(0),
        mask: hexadecimal(section, mask).unwrap_or(if section.value(value).is_some() {
            u32::MAX
        } else {
            0
        }),
    };
    ChildSa {
        name: word(section, "name"),
        unique_id: decimal(section, "uniqueid").unwrap_or(0),
        reqid: ReqId(decimal(section, "reqid").and_then(|n| u32::try_from(n).ok()).unwrap_or(0)),
        state: word(section, "state"),
        spi_in: Spi(hex("spi-in")),
        spi_out: Spi(hex("spi-out")),
        if_id_in: IfId(hex("if-id-in")),
        if_id_out: IfId(hex("if-id-out")),
        mark_in: mark("mark-in", "mark-mask-in"),
        mark_out: mark("mark-out", "mark-mask-out"),
        installed_seconds: decimal(section, "install-time"),
        bytes_in: decimal(section, "bytes-in").unwrap_or(0),
        bytes_out: decimal(section, "bytes-out").unwrap_or(0),
        local_ts: section.list("local-ts"),
        remote_ts: section.list("remote-ts"),
    }
}

fn word(section: &Section, name: &str) -> String {
    section.value(name).unwrap_or_default().to_owned()
}

fn decimal(section: &Section, name: &str) -> Option<u64> {
    section.value(name)?.parse().ok()
}

fn hexadecimal(section: &Section, name: &str) -> Option<u32> {
    u32::from_str_radix(section.value(name)?, 16).ok()
}
