//! One combination of driver, inner and outer family, and the words it gives to the variables of a scenario's text.

use crate::Fallible;
use crate::kernel::Kernel;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use vti_diagnostics::snapshot::Driver;

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    fn digit(self) -> char {
        match self {
            Family::V4 => '4',
            Family::V6 => '6',
        }
    }

    fn pick(self, v4: &'static str, v6: &'static str) -> &'static str {
        match self {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }
}

/// The two ends of the tunnel. The router is the one under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    Router,
    Peer,
}

/// One combination, on one kernel. Written `xfrm 4in6`: IPv4 inside, IPv6 outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub driver: Driver,
    pub inner: Family,
    pub outer: Family,
    pub kernel: Kernel,
    /// The tunnel's name.
    pub interface: String,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}in{}", self.driver.kind(), self.inner.digit(), self.outer.digit())
    }
}

impl Case {
    /// Every combination that the kernel has: the outer family of vti is IPv4, of vti6 IPv6, of xfrm either.
    pub fn all(kernel: Kernel) -> Vec<Case> {
        use Family::{V4, V6};
        let drivers =
            [(Driver::Vti, V4), (Driver::Vti6, V6), (Driver::Xfrm, V4), (Driver::Xfrm, V6)];
        let case =
            |(driver, outer), inner| Case { driver, inner, outer, kernel, interface: "t0".into() };
        drivers.into_iter().flat_map(|pair| [V4, V6].map(|inner| case(pair, inner))).collect()
    }

    /// vti, vti6 or xfrm.
    pub fn driver_name(&self) -> &'static str {
        self.driver.kind()
    }

    /// Whether all words of a pattern hold: drivers, `inner4`, `outer6`, kernels, `any`.
    pub fn matches(&self, pattern: &str) -> bool {
        pattern.split_whitespace().all(|word| {
            word == "any"
                || word == self.driver.kind()
                || Kernel::of(word) == Some(self.kernel)
                || word == format!("inner{}", self.inner.digit())
                || word == format!("outer{}", self.outer.digit())
        })
    }

    /// The variables as one end sees them. They are explained at the head of `scenarios/base`.
    pub fn variables(&self, end: End) -> BTreeMap<&'static str, String> {
        let mine = |router: &str, peer: &str| match end {
            End::Router => (router.to_owned(), peer.to_owned()),
            End::Peer => (peer.to_owned(), router.to_owned()),
        };
        let (inner, outer) = (self.inner, self.outer);
        let (local, remote) =
            mine(outer.pick("192.0.2.1", "2001:db8::1"), outer.pick("192.0.2.2", "2001:db8::2"));
        let (mac, remote_mac) = mine("02:00:00:00:00:01", "02:00:00:00:00:02");
        let (spi_out, spi_in) = mine("0x101", "0x102");
        let (inner_local, inner_remote) =
            mine(inner.pick("10.9.1.1", "fd09:1::1"), inner.pick("10.9.2.1", "fd09:2::1"));
        let (_, inner_net) = mine(
            inner.pick("10.9.1.0/24", "fd09:1::/64"),
            inner.pick("10.9.2.0/24", "fd09:2::/64"),
        );
        let any = inner.pick("0.0.0.0/0", "::/0");
        let sa_out = format!("src {local} dst {remote} proto esp spi {spi_out}");
        let sa_in = format!("src {remote} dst {local} proto esp spi {spi_in}");
        let stranger = outer.pick("192.0.2.99", "2001:db8::99");
        let tunnel = |to: &str, number| match self.driver {
            Driver::Xfrm => format!("type xfrm dev wan if_id {number}"),
            driver => format!("type {} local {local} remote {to} key {number}", driver.kind()),
        };
        let (tunnel, beside) = (tunnel(&remote, 7), tunnel(stranger, 8));
        let (key, other_key, mark) = match self.driver {
            Driver::Xfrm => ("if_id 7", "if_id 8", false),
            _ => ("mark 7", "mark 8", true),
        };
        let if_mark = |text: &str| if mark { text.to_owned() } else { String::new() };
        BTreeMap::from([
            ("DRIVER", self.driver.kind().to_owned()),
            ("VTI", self.interface.clone()),
            ("SPI_IN", spi_in.clone()),
            ("LOCAL", local),
            ("REMOTE", remote),
            ("OUTER_NET", outer.pick("192.0.2.0/24", "2001:db8::/64").to_owned()),
            ("OUTER_BITS", outer.pick("24", "64 nodad").to_owned()),
            ("OUTER_HOST", outer.pick("32", "128").to_owned()),
            ("OUTER_FAMILY", outer.pick("-4", "-6").to_owned()),
            ("OUTER_IP", outer.pick("ip", "ip6").to_owned()),
            ("OUTER_PROTOCOL", outer.pick("ip protocol", "ip6 nexthdr").to_owned()),
            ("OUTER_VTI", outer.pick("vti", "vti6").to_owned()),
            ("INNER_IP", inner.pick("ip", "ip6").to_owned()),
            ("OUTER_ANY", outer.pick("0.0.0.0/0", "::/0").to_owned()),
            ("STRANGER", stranger.to_owned()),
            ("MAC", mac),
            ("REMOTE_MAC", remote_mac),
            ("INNER_LOCAL", inner_local),
            ("INNER_REMOTE", inner_remote),
            ("INNER_NET", inner_net),
            ("INNER_BITS", inner.pick("32", "128 nodad").to_owned()),
            ("ANY", any.to_owned()),
            ("OTHER_ANY", inner.pick("::/0", "0.0.0.0/0").to_owned()),
            ("ELSEWHERE", inner.pick("10.77.0.0/16", "fd77::/16").to_owned()),
            ("KEY", key.to_owned()),
            ("MARK", if_mark(key)),
            ("OTHER_KEY", other_key.to_owned()),
            ("OTHER_MARK", if_mark(other_key)),
            ("TUNNEL", tunnel),
            ("TUNNEL_BESIDE", beside),
            ("SPI_OUT", spi_out.clone()),
            ("SA_OUT", sa_out),
            ("SA_IN", sa_in),
            ("POLICY", format!("src {any} dst {any}")),
            (
                "ALG",
                "aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128".to_owned(),
            ),
            (
                "OTHER_ALG",
                "aead rfc4106(gcm(aes)) 0xff0102030405060708090a0b0c0d0e0f10111213 128".to_owned(),
            ),
        ])
    }
}

/// The text with every `$NAME` replaced. An unknown name is an error: a typing mistake must not become an empty word.
pub fn render(text: &str, variables: &BTreeMap<&'static str, String>) -> Fallible<String> {
    let mut rendered = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        let end =
            after.find(|c: char| !(c.is_ascii_uppercase() || c == '_')).unwrap_or(after.len());
        let (name, tail) = after.split_at(end);
        let value = variables.get(name).ok_or_else(|| format!("no variable ${name}"))?;
        rendered.push_str(before);
        rendered.push_str(value);
        rest = tail;
    }
    rendered.push_str(rest);
    Ok(rendered)
}
