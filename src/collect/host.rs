//! The host's names and versions, and the sysctls that change what the transmit and receive paths do.

use super::failure::Failure;
use super::proc::read_text;
use crate::snapshot::{Host, Observed, Reason, Source, Sysctls};
use std::os::unix::fs::FileTypeExt;
use std::str::FromStr;

/// The file with VyOS's version.
const VYOS_VERSION: &str = "/usr/share/vyos/version.json";

/// The control socket of libreswan's daemon, as Debian's libreswan 4.10-2+deb12u1 has it (`pluto`, `whack`; its directory: tmpfiles.d/libreswan.conf).
const PLUTO: &str = "/run/pluto/pluto.ctl";

/// Whether a socket exists.
pub(super) fn is_socket(path: &str) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Names and versions. A name that cannot be read is empty.
pub(super) fn host() -> Host {
    let names = nix::sys::utsname::uname().ok();
    let (hostname, kernel_release) = names.map_or_else(Default::default, |names| {
        let text = |name: &std::ffi::OsStr| name.to_string_lossy().into_owned();
        (text(names.nodename()), text(names.release()))
    });
    let vyos_version = read_text(VYOS_VERSION).ok().and_then(|text| vyos_version(&text));
    let pluto = is_socket(PLUTO);
    Host { hostname, kernel_release, vyos_version, pluto }
}

/// The member `version` of VyOS's version.json.
fn vyos_version(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    value.get("version")?.as_str().map(str::to_owned)
}

/// The sysctls.
pub(super) fn sysctls() -> Sysctls {
    let flag = |name, source| sysctl::<u32>(name, source).map(|value| value != 0);
    Sysctls {
        xfrm_larval_drop: flag("net/core/xfrm_larval_drop", Source::LarvalDrop),
        xfrm_acq_expires: sysctl("net/core/xfrm_acq_expires", Source::AcqExpires),
        all_disable_xfrm: flag("net/ipv4/conf/all/disable_xfrm", Source::AllDisableXfrm),
        all_disable_policy: flag("net/ipv4/conf/all/disable_policy", Source::AllDisablePolicy),
        all_rp_filter: sysctl("net/ipv4/conf/all/rp_filter", Source::RpFilter),
    }
}

fn sysctl<T: FromStr>(name: &str, source: Source) -> Observed<T> {
    let path = format!("/proc/sys/{name}");
    let read = || {
        let text = read_text(&path)?;
        text.trim().parse().map_err(|_| {
            let detail = format!("expected a number, have {:?}", text.trim());
            Failure::new(Reason::Malformed, detail).in_operation(&format!("read {path}"))
        })
    };
    read().map_err(|failure: Failure| failure.missing(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_vyos_is_taken_from_its_json() {
        let text = r#"{"version": "1.4.0", "built_by": "x"}"#;
        assert_eq!(vyos_version(text).as_deref(), Some("1.4.0"));
        assert_eq!(vyos_version(r#"{"version": 3}"#), None);
        assert_eq!(vyos_version("VyOS 1.4"), None);
    }
}
