//! Which driver a row of `/proc/net/dev` belongs to, if the kernel was not asked: concluded from how the drivers count drops, from the
//! fallback devices in the same table, and from the name. The conclusion comes with its reasons.

use crate::kernel::Change;
use crate::snapshot::{DeviceColumns, Driver, Family, IpTunnelKind};
use crate::units::{DROP, WAS};

/// What a row shows about its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// The drivers that the row is consistent with; empty if that is all of them, or if they cannot be distinguished.
    pub drivers: Vec<Driver>,
    /// Whether the row is also consistent with an IP tunnel (gre, ipip, sit, ip6tnl, ip6gre): these count as the drivers of VTIs do.
    pub ip_tunnels: bool,
    /// The reasons, for a person.
    pub why: String,
}

impl Inferred {
    /// The driver, if the row is consistent with only one.
    pub fn driver(&self) -> Option<Driver> {
        match self.drivers.as_slice() {
            [one] if !self.ip_tunnels => Some(*one),
            _ => None,
        }
    }
}

/// The device that ip_vti or ip6_vti creates in each namespace when the module is loaded.
pub fn is_fallback_name(name: &str) -> bool {
    ["ip_vti0", "ip6_vti0"].contains(&name)
}

/// Where only names are known: names that VyOS and common practice give to VTIs.
pub fn is_vti_name(name: &str) -> bool {
    let numbered = |prefix: &str| {
        let rest = name.strip_prefix(prefix);
        rest.is_some_and(|r| !r.is_empty() && r.bytes().all(|b| b.is_ascii_digit()))
    };
    is_fallback_name(name) || ["vti", "xfrm", "ipsec"].into_iter().any(numbered)
}

/// The driver of row `c` of `table`, which may be a VTI or, unless its name is that of a VTI, an IP tunnel; none if the row does not show it.
pub fn infer_driver(c: &DeviceColumns, table: &[DeviceColumns]) -> Option<Inferred> {
    let of_vti = infer_vti(c, table)?;
    if is_vti_name(&c.name) || c.tx_errs == 0 {
        return Some(of_vti);
    }
    Some(beside_ip_tunnels(of_vti, c, table))
}

/// What remains where the name is not that of a VTI. `ip_tunnel_xmit()` counts no error as a drop, as ip_vti; `ip6_tnl_xmit()` counts each as a
/// drop, too, as ip6_vti and xfrm. The modules of both make a device when they are loaded.
fn beside_ip_tunnels(of_vti: Inferred, c: &DeviceColumns, table: &[DeviceColumns]) -> Inferred {
    let has = |name: &str| table.iter().any(|row| row.name == name);
    // Drops may be others than those errors.
    let may_be = |kind: &IpTunnelKind| c.tx_drop > 0 || kind.family() == Family::Inet;
    let made = IpTunnelKind::ALL.into_iter().filter(may_be);
    let made: Vec<&str> = made.map(IpTunnelKind::fallback_name).filter(|name| has(name)).collect();
    let is_whole = has("lo");
    let kinds = match c.tx_drop {
        0 => "gre, ipip and sit",
        _ => "gre, ipip, sit, ip6tnl and ip6gre",
    };
    if made.is_empty() && is_whole && !of_vti.drivers.is_empty() {
        let why = format!(
            "{}; and the table has no device that the modules of {kinds} create",
            of_vti.why
        );
        return Inferred { why, ..of_vti };
    }
    let shown = match made.as_slice() {
        [] => String::new(),
        some => format!(" ({} in the same table)", some.join(", ")),
    };
    let why = format!("{}; IP tunnels ({kinds}) count in the same way{shown}", of_vti.why);
    // Of ip_vti and ip6_vti the table would have the device; xfrm makes none.
    let makes_none = |driver: &Driver| match driver {
        Driver::Vti => is_whole && !has("ip_vti0"),
        Driver::Vti6 => is_whole && !has("ip6_vti0"),
        Driver::Xfrm => false,
    };
    let drivers = of_vti.drivers.into_iter().filter(|driver| !makes_none(driver)).collect();
    Inferred { drivers, ip_tunnels: true, why }
}

/// The driver of the VTI in row `c` of `table`; none if the row does not show it.
///
/// ip_vti counts no drops. ip6_vti and xfrm also count every error as a drop, except those of the encryption stage, which
/// `iptunnel_xmit_stats()` counts as aborted. The network stack may add its own drops (if the interface is down).
fn infer_vti(c: &DeviceColumns, table: &[DeviceColumns]) -> Option<Inferred> {
    let has = |name: &str| table.iter().any(|row| row.name == name);
    let fallback = |driver, module: &str| Inferred {
        drivers: vec![driver],
        ip_tunnels: false,
        why: format!("{module} creates the device of this name when it is loaded"),
    };
    match c.name.as_str() {
        "ip_vti0" => return Some(fallback(Driver::Vti, "ip_vti")),
        "ip6_vti0" => return Some(fallback(Driver::Vti6, "ip6_vti")),
        _ => {}
    }
    let (errs, drop, column) = (c.tx_errs, c.tx_drop, c.tx_carrier);
    if column.checked_add(c.tx_colls).is_none_or(|counted| counted > errs) || drop > errs {
        return (errs == 0 && drop > 0).then(|| Inferred {
            drivers: Vec::new(),
            ip_tunnels: false,
            why: format!(
                "errs is 0 and drop is {drop}: either drops of the network stack, or an xfrm interface on a kernel before {}, which \
                 counts errors only as drops",
                Change::XfrmErrorCounters.since()
            ),
        });
    }
    if errs == 0 {
        return None;
    }
    // The table of a whole namespace has lo, and the fallback device of each module that is loaded.
    let is_whole = has("lo");
    let (drivers, why) = if drop == 0 {
        let others = if column == errs {
            format!(
                "ip_vti counts no drops; xfrm and ip6_vti would have counted drops, unless all {errs} were aborted (encryption stage)"
            )
        } else {
            "ip_vti counts no drops; xfrm and ip6_vti would have counted some".to_owned()
        };
        let why = format!("errs is {errs} and drop is 0: {others}");
        match (has("ip_vti0"), is_whole) {
            (true, _) => (
                vec![Driver::Vti],
                format!("{why}; ip_vti0 in the same table shows that ip_vti is loaded"),
            ),
            (false, true) => (
                Vec::new(),
                format!(
                    "{why}; but the table has no ip_vti0, which ip_vti creates when it is loaded"
                ),
            ),
            (false, false) => (vec![Driver::Vti], why),
        }
    } else if errs - drop > column {
        let why = format!(
            "errs is {errs} and drop is {drop}: xfrm and ip6_vti would have counted at least {}, so these are of the network stack",
            DROP.of(errs - column)
        );
        (vec![Driver::Vti], why)
    } else {
        let (both, absent) = match (is_whole, has("ip6_vti0")) {
            (true, false) => {
                (vec![Driver::Xfrm], "; it is not ip6_vti, because the table has no ip6_vti0")
            }
            _ => (vec![Driver::Xfrm, Driver::Vti6], ""),
        };
        let counts = "xfrm and ip6_vti also count every error as a drop, except aborted ones";
        if drop == errs {
            let why = format!(
                "errs and drop are both {errs}: {counts}, but ip_vti counts no drops{absent}"
            );
            (both, why)
        } else if has("ip_vti0") {
            let why = format!(
                "errs is {errs} and drop is {drop}: {counts}; but ip_vti is loaded (ip_vti0), and the network stack may have counted the drops"
            );
            (Vec::new(), why)
        } else {
            let (aborted, were) = (errs - drop, WAS.word(errs - drop));
            let why = format!(
                "errs is {errs} and drop is {drop}: {counts}, so {aborted} {were} aborted (unless the network stack also dropped some){absent}"
            );
            (both, why)
        }
    };
    Some(Inferred { drivers, ip_tunnels: false, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, errs: u64, drop: u64, carrier: u64, colls: u64) -> DeviceColumns {
        DeviceColumns {
            name: name.to_owned(),
            tx_errs: errs,
            tx_drop: drop,
            tx_carrier: carrier,
            tx_colls: colls,
            ..DeviceColumns::default()
        }
    }

    fn drivers(c: &DeviceColumns, others: &[&str]) -> Vec<Driver> {
        let others: Vec<_> = others.iter().map(|name| row(name, 0, 0, 0, 0)).collect();
        infer_driver(c, &others).map(|inferred| inferred.drivers).unwrap_or_default()
    }

    #[test]
    fn errors_without_drops_are_those_of_ip_vti_unless_its_fallback_device_is_missing() {
        let c = row("vti0", 59, 0, 59, 0);
        assert_eq!(drivers(&c, &["lo", "ip_vti0"]), [Driver::Vti]);
        assert_eq!(drivers(&c, &[]), [Driver::Vti]);
        assert_eq!(drivers(&c, &["lo"]), []);
    }

    #[test]
    fn an_xfrm_interface_shows_errors_without_drops_only_if_all_were_aborted() {
        let why = |c| infer_driver(&c, &[]).unwrap().why;
        assert!(why(row("vti0", 59, 0, 59, 0)).contains("unless all 59 were aborted"));
        assert!(
            why(row("vti0", 59, 0, 50, 9)).contains("xfrm and ip6_vti would have counted some")
        );
    }

    #[test]
    fn errors_that_are_drops_too_are_those_of_xfrm_or_ip6_vti() {
        let c = row("vti0", 7, 7, 5, 1);
        assert_eq!(drivers(&c, &[]), [Driver::Xfrm, Driver::Vti6]);
        assert_eq!(drivers(&c, &["lo", "ip6_vti0"]), [Driver::Xfrm, Driver::Vti6]);
        assert_eq!(drivers(&c, &["lo"]), [Driver::Xfrm]);
    }

    #[test]
    fn fewer_drops_than_errors_are_aborted_packets_or_drops_of_the_stack() {
        let c = row("vti0", 9, 7, 9, 0);
        assert_eq!(drivers(&c, &["lo"]), [Driver::Xfrm]);
        assert_eq!(drivers(&c, &["lo", "ip_vti0"]), []);
        assert_eq!(drivers(&row("vti0", 9, 2, 3, 0), &[]), [Driver::Vti]);
    }

    /// ip_tunnel leaves the columns that ip_vti leaves: only a VTI's name, or that the modules of one are not loaded, decides.
    #[test]
    fn another_name_may_be_that_of_an_ip_tunnel() {
        let told = |c: &DeviceColumns, others: &[&str]| {
            let others: Vec<_> = others.iter().map(|name| row(name, 0, 0, 0, 0)).collect();
            let inferred = infer_driver(c, &others).unwrap();
            (inferred.drivers.clone(), inferred.ip_tunnels, inferred.driver())
        };
        let c = row("tun0", 5, 0, 5, 0);
        assert_eq!(told(&c, &[]), (vec![Driver::Vti], true, None));
        assert_eq!(told(&c, &["lo", "gre0"]), (vec![], true, None));
        assert_eq!(told(&c, &["lo", "gre0", "ip_vti0"]), (vec![Driver::Vti], true, None));
        assert_eq!(told(&c, &["lo", "ip6tnl0", "ip_vti0"]).2, Some(Driver::Vti));
        let c = row("tun0", 5, 5, 5, 0);
        assert_eq!(told(&c, &["lo", "ip6tnl0"]), (vec![Driver::Xfrm], true, None));
        assert_eq!(told(&c, &["lo", "ip_vti0"]), (vec![Driver::Xfrm], false, Some(Driver::Xfrm)));
        // The name decides.
        let vti = row("vti0", 5, 0, 5, 0);
        assert_eq!(
            told(&vti, &["lo", "gre0", "ip_vti0"]),
            (vec![Driver::Vti], false, Some(Driver::Vti))
        );
    }

    #[test]
    fn without_errors_the_driver_is_unknown() {
        assert_eq!(infer_driver(&row("vti0", 0, 0, 0, 0), &[]), None);
        let old = infer_driver(&row("vti0", 0, 4, 0, 0), &[]).unwrap();
        assert_eq!(old.driver(), None);
        assert!(old.why.contains("before 5.11"), "{}", old.why);
    }

    #[test]
    fn columns_at_their_end_do_not_overflow() {
        assert_eq!(infer_driver(&row("vti0", 1, 0, u64::MAX, u64::MAX), &[]), None);
    }
}
