//! Reads VyOS's configuration of VTIs from the directory tree of the active configuration. Secrets in the tree (`authentication`) are not
//! opened. Sizes are bounded, and symbolic links are not followed.

use super::failure::Failure;
use crate::snapshot::vyos::{Configuration, ConfiguredVti, Peer, Reauthentication, Unread};
use crate::snapshot::{Observed, Reason, Source};
use crate::units::BYTE;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The active configuration on VyOS 1.3 to current: a directory for each node, values in `node.val`.
const ACTIVE: &str = "/opt/vyatta/config/active";
/// Exists where VyOS keeps the configuration in vyconfd instead (T7374: vyos-1x, python/vyos/utils/backend.py); opt-in, until 2026 for tests.
const VYCONF: &str = "/run/vyconf_backend";
/// No value of the configuration that is read here is longer.
const LONGEST_VALUE: u64 = 4096;
/// Nodes of one kind; more than any router has.
const MOST_NODES: usize = 8192;

/// The active configuration of this host.
pub(super) fn configuration() -> Observed<Configuration> {
    of_files(Path::new(ACTIVE), Path::new(VYCONF)).map_err(|failure| {
        failure.in_operation(&format!("read {ACTIVE}")).missing(Source::Configuration)
    })
}

fn of_files(active: &Path, vyconf: &Path) -> Result<Configuration, Failure> {
    if vyconf.exists() {
        let why = format!("VyOS keeps the configuration in vyconfd here ({VYCONF}), not in files");
        return Err(Failure::new(Reason::Failed, why));
    }
    read_configuration(active)
}

fn read_configuration(root: &Path) -> Result<Configuration, Failure> {
    // Only its existence distinguishes an empty configuration from a host without one.
    std::fs::read_dir(root)?;
    let ipsec = root.join("vpn/ipsec");
    let mut found = Configuration {
        disable_route_autoinstall: ipsec.join("options/disable-route-autoinstall").is_dir(),
        vpp_ipsec: root.join("vpp/settings/ipsec").is_dir(),
        log_level: log_level(&ipsec),
        ..Configuration::default()
    };
    let unread = &mut found.unread;
    for (name, path) in nodes(root, "interfaces vti", unread) {
        let node = format!("interfaces vti {name}");
        found.interfaces.extend(read_or_tell(interface(name, &path), node, unread));
    }
    let kinds =
        [("vpn ipsec site-to-site peer", false), ("vpn ipsec remote-access connection", true)];
    for (kind, remote_access) in kinds {
        for (name, path) in nodes(root, kind, unread) {
            let node = format!("{kind} {name}");
            let peer = peer(name, &path, remote_access, &ipsec.join("ike-group"));
            found.peers.extend(read_or_tell(peer, node, unread));
        }
    }
    Ok(found)
}

/// `vpn ipsec log level`, on 1.3 `vpn ipsec logging log-level`. It only explains a silent log: where it cannot be read, it counts as not set.
fn log_level(ipsec: &Path) -> Option<u8> {
    let mut nodes = ["log/level", "logging/log-level"].into_iter();
    nodes.find_map(|node| values(&ipsec.join(node)).ok()?.first()?.parse().ok())
}

/// Why a read failed, as text.
fn words(failure: &Failure) -> String {
    if failure.detail.is_empty() { failure.reason.to_string() } else { failure.detail.clone() }
}

/// A node that cannot be read is left out and listed as unread.
fn read_or_tell<T>(read: Result<T, Failure>, node: String, unread: &mut Vec<Unread>) -> Option<T> {
    read.map_err(|failure| unread.push(Unread { node, why: words(&failure) })).ok()
}

fn interface(name: String, path: &Path) -> Result<ConfiguredVti, Failure> {
    Ok(ConfiguredVti {
        name,
        disabled: path.join("disable").is_dir(),
        vrf: values(&path.join("vrf"))?.into_iter().next(),
    })
}

fn peer(
    name: String,
    path: &Path,
    remote_access: bool,
    ike_groups: &Path,
) -> Result<Peer, Failure> {
    let bind = if remote_access { "bind" } else { "vti/bind" };
    let first = |node: &str| Ok::<_, Failure>(values(&path.join(node))?.into_iter().next());
    let mut remote_addresses = values(&path.join("remote-address"))?;
    if remote_addresses.is_empty() && name.parse::<std::net::IpAddr>().is_ok() {
        remote_addresses.push(name.clone());
    }
    Ok(Peer {
        remote_access,
        bind: first(bind)?,
        disabled: path.join("disable").is_dir(),
        remote_addresses,
        connection_type: first("connection-type")?.unwrap_or_default(),
        dhcp_interface: first("dhcp-interface")?,
        virtual_addresses: values(&path.join("virtual-address"))?,
        reauthentication: reauthentication(path, ike_groups)?,
        name,
    })
}

/// Where `ikev2-reauth` is set for a peer: its own is yes, no or inherit; that of its group has no value, on 1.3 yes or no
/// (vyos-1x, interface-definitions/vpn_ipsec.xml.in).
fn reauthentication(peer: &Path, ike_groups: &Path) -> Result<Option<Reauthentication>, Failure> {
    match values(&peer.join("ikev2-reauth"))?.first().map(String::as_str) {
        Some("yes") => return Ok(Some(Reauthentication::Peer)),
        Some("no") => return Ok(None),
        _ => {}
    }
    // An empty name, or one with a slash, is not the name of a group.
    let group = values(&peer.join("ike-group"))?.into_iter().next();
    let Some(group) = group.filter(|g| !g.is_empty() && !g.contains('/') && !g.starts_with('.'))
    else {
        return Ok(None);
    };
    let node = ike_groups.join(group).join("ikev2-reauth");
    let is_on = node.is_dir() && values(&node)?.first().is_none_or(|value| value != "no");
    Ok(is_on.then_some(Reauthentication::IkeGroup))
}

/// The nodes below `kind` (words, as in `interfaces vti`), by name; none where it is not configured. Those that are not read are listed as unread.
fn nodes(root: &Path, kind: &str, unread: &mut Vec<Unread>) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let listed = list(&root.join(kind.replace(' ', "/")), &mut found);
    let cut = found.len() > MOST_NODES;
    found.truncate(MOST_NODES);
    found.sort();
    if let Err(failure) = listed {
        unread.push(Unread { node: kind.into(), why: words(&failure) });
    } else if cut {
        let why = format!("it has more than {MOST_NODES} nodes, the most that are read");
        unread.push(Unread { node: kind.into(), why });
    }
    found
}

/// The nodes of a directory, at most one more than are used.
fn list(path: &Path, found: &mut Vec<(String, PathBuf)>) -> Result<(), Failure> {
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if found.len() > MOST_NODES {
            break;
        }
        if entry.file_type()?.is_dir() {
            // A slash in a name is written %2F (unionfs tree of vyatta-cfg).
            let name = entry.file_name().to_string_lossy().replace("%2F", "/");
            found.push((name, entry.path()));
        }
    }
    Ok(())
}

/// The values of a node, a line each; none where it is not set.
fn values(node: &Path) -> Result<Vec<String>, Failure> {
    match bounded(&node.join("node.val"), LONGEST_VALUE) {
        Ok(text) => Ok(text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()),
        Err(Failure { reason: Reason::Absent, .. }) => Ok(Vec::new()),
        Err(failure) => Err(failure),
    }
}

/// Opens a regular file, not through a symbolic link, and without waiting (a pipe).
pub(super) fn regular_file(path: &Path) -> Result<File, Failure> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(Failure::new(Reason::Failed, "it is not a regular file"))
    }
}

/// The text of a regular file of at most so many bytes.
fn bounded(path: &Path, most: u64) -> Result<String, Failure> {
    let file = regular_file(path)?;
    if file.metadata()?.len() > most {
        let why = format!("a value is longer than {}, the most that is read", BYTE.of(most));
        return Err(Failure::new(Reason::Failed, why));
    }
    text(file, most)
}

/// The text of a file, at most so many bytes of it. Bytes that are not UTF-8 are replaced.
pub(super) fn text(file: File, most: u64) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, node: &str, value: Option<&str>) {
        let node = root.join(node);
        std::fs::create_dir_all(&node).unwrap();
        if let Some(value) = value {
            std::fs::write(node.join("node.val"), format!("{value}\n")).unwrap();
        }
    }

    #[test]
    fn a_configuration_tree_becomes_peers_and_interfaces() {
        let root = tempfile::tempdir().unwrap();
        let set = |node, value| write(root.path(), node, value);
        set("interfaces/vti/vti0/address", Some("10.0.0.1/30"));
        set("interfaces/vti/vti1/disable", None);
        set("interfaces/vti/vti1/vrf", Some("red"));
        set("vpn/ipsec/site-to-site/peer/AWS-A/vti/bind", Some("vti0"));
        set("vpn/ipsec/site-to-site/peer/AWS-A/remote-address", Some("192.0.2.2\n192.0.2.3"));
        set("vpn/ipsec/site-to-site/peer/AWS-A/connection-type", Some("initiate"));
        set("vpn/ipsec/site-to-site/peer/AWS-A/authentication/pre-shared-secret", Some("hush"));
        set("vpn/ipsec/site-to-site/peer/203.0.113.2/vti/bind", Some("vti1"));
        set("vpn/ipsec/site-to-site/peer/203.0.113.2/disable", None);
        set("vpn/ipsec/remote-access/connection/rw/bind", Some("vti7"));
        set("vpn/ipsec/options/disable-route-autoinstall", None);
        set("vpn/ipsec/site-to-site/peer/203.0.113.2/dhcp-interface", Some("eth0"));
        set("vpn/ipsec/site-to-site/peer/203.0.113.2/ikev2-reauth", Some("inherit"));
        set("vpn/ipsec/site-to-site/peer/203.0.113.2/ike-group", Some("OLD"));
        set("vpn/ipsec/site-to-site/peer/AWS-A/virtual-address", Some("0.0.0.0"));
        set("vpn/ipsec/site-to-site/peer/AWS-A/ikev2-reauth", Some("yes"));
        set("vpn/ipsec/remote-access/connection/rw/ike-group", Some("NEW"));
        set("vpn/ipsec/ike-group/OLD/ikev2-reauth", None);
        set("vpn/ipsec/ike-group/NEW/ikev2-reauth", Some("no"));
        set("vpp/settings/ipsec", None);
        set("vpn/ipsec/log/level", Some("0"));
        let found = read_configuration(root.path()).unwrap();
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let peer = |name: &str, bind: &str| Peer {
            name: name.into(),
            bind: Some(bind.into()),
            ..Peer::default()
        };
        let peers = [
            Peer {
                disabled: true,
                remote_addresses: names(&["203.0.113.2"]),
                dhcp_interface: Some("eth0".into()),
                reauthentication: Some(Reauthentication::IkeGroup),
                ..peer("203.0.113.2", "vti1")
            },
            Peer {
                remote_addresses: names(&["192.0.2.2", "192.0.2.3"]),
                connection_type: "initiate".into(),
                virtual_addresses: names(&["0.0.0.0"]),
                reauthentication: Some(Reauthentication::Peer),
                ..peer("AWS-A", "vti0")
            },
            Peer { remote_access: true, ..peer("rw", "vti7") },
        ];
        assert_eq!(found.peers, peers);
        let vti1 = ConfiguredVti { name: "vti1".into(), disabled: true, vrf: Some("red".into()) };
        let vti0 = ConfiguredVti { name: "vti0".into(), ..ConfiguredVti::default() };
        assert_eq!(found.interfaces, [vti0, vti1]);
        assert!(found.disable_route_autoinstall);
        assert_eq!(found.log_level, Some(0));
        assert!(found.vpp_ipsec);
    }

    #[test]
    fn where_vyconfd_has_the_configuration_the_files_say_nothing() {
        let root = tempfile::tempdir().unwrap();
        let sentinel = root.path().join("vyconf_backend");
        assert!(of_files(root.path(), &sentinel).is_ok());
        std::fs::write(&sentinel, "").unwrap();
        let failure = of_files(root.path(), &sentinel).unwrap_err();
        assert_eq!(failure.reason, Reason::Failed);
        assert!(failure.detail.contains("not in files"), "{}", failure.detail);
    }

    #[test]
    fn a_host_without_a_configuration_is_not_one_with_an_empty_one() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(read_configuration(root.path()).unwrap(), Configuration::default());
        assert!(read_configuration(&root.path().join("gone")).is_err());
    }

    #[test]
    fn a_node_that_cannot_be_read_costs_that_node_and_is_told_of() {
        let root = tempfile::tempdir().unwrap();
        for name in ["vti0", "vti1"] {
            write(root.path(), &format!("interfaces/vti/{name}/address"), Some("10.0.0.1/30"));
            let peer = format!("vpn/ipsec/site-to-site/peer/P{name}/vti/bind");
            write(root.path(), &peer, Some(name));
        }
        // A pipe in the place of a value: opening it must not block.
        let node = root.path().join("interfaces/vti/vti1/vrf");
        std::fs::create_dir_all(&node).unwrap();
        nix::unistd::mkfifo(&node.join("node.val"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let found = read_configuration(root.path()).unwrap();
        let names: Vec<&str> = found.interfaces.iter().map(|i| i.name.as_str()).collect();
        assert_eq!((names, found.peers.len()), (vec!["vti0"], 2));
        let unread: Vec<&str> = found.unread.iter().map(|u| u.node.as_str()).collect();
        assert_eq!(unread, ["interfaces vti vti1"]);
        assert!(found.unread[0].why.contains("not a regular file"), "{:?}", found.unread);
    }

    #[test]
    fn more_nodes_than_are_kept_are_told_of() {
        let root = tempfile::tempdir().unwrap();
        for n in 0..=MOST_NODES {
            std::fs::create_dir_all(root.path().join(format!("interfaces/vti/vti{n}"))).unwrap();
        }
        let found = read_configuration(root.path()).unwrap();
        assert_eq!(found.interfaces.len(), MOST_NODES);
        assert_eq!(found.unread.len(), 1, "{:?}", found.unread);
    }

    #[test]
    fn a_symbolic_link_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("secret"), "hush").unwrap();
        std::os::unix::fs::symlink(root.path().join("secret"), root.path().join("link")).unwrap();
        assert!(bounded(&root.path().join("link"), 10).is_err());
        assert_eq!(bounded(&root.path().join("secret"), 4).unwrap(), "hush");
        assert!(bounded(&root.path().join("secret"), 3).is_err());
    }

    /// A part of the addresses of a peer looked like all of them.
    #[test]
    fn a_value_that_is_too_long_costs_its_node_and_is_told_of() {
        let root = tempfile::tempdir().unwrap();
        let set = |node: &str, value: &str| write(root.path(), node, Some(value));
        let addresses: Vec<String> = (0..400).map(|n| format!("192.0.2.{}", n % 250)).collect();
        set("vpn/ipsec/site-to-site/peer/A/remote-address", &addresses.join("\n"));
        set("vpn/ipsec/site-to-site/peer/B/remote-address", "192.0.2.1");
        let found = read_configuration(root.path()).unwrap();
        let names: Vec<&str> = found.peers.iter().map(|peer| peer.name.as_str()).collect();
        assert_eq!(names, ["B"]);
        let unread: Vec<&str> = found.unread.iter().map(|u| u.node.as_str()).collect();
        assert_eq!(unread, ["vpn ipsec site-to-site peer A"]);
        assert!(found.unread[0].why.contains("longer than 4096 bytes"), "{:?}", found.unread);
    }
}
