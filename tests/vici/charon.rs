//! A real charon in a network namespace of its own: running, stopped with SIGSTOP, killed, started again and ended.

use super::{assert_missing, ike, skip};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;
use vti_diagnostics::collect;
use vti_diagnostics::snapshot::Reason;

const PROGRAM: &str = "/usr/lib/ipsec/charon";

const CONNECTIONS: &str = "\
connections { peer_192-0-2-2 {
  remote_addrs=192.0.2.2
  version=2
  proposals=aes128-sha256-modp2048
  local { auth=psk }
  remote { auth=psk }
  children { vti {
    local_ts=10.0.0.0/8
    remote_ts=10.9.0.0/16
    esp_proposals=aes128-sha256
    if_id_out=7
    start_action=start
  } }
} }
secrets { ike { secret=secret } }
";

struct Charon {
    directory: TempDir,
    process: Child,
}

impl Charon {
    /// In new namespaces, with nothing of the host's configuration, and ready to be asked.
    fn start(directory: TempDir) -> Self {
        let at = directory.path().display().to_string();
        let settings = format!(
            "charon {{
  load = random nonce aes sha1 sha2 hmac kdf gmp kernel-netlink socket-default vici
  install_routes=no
  plugins {{ vici {{ socket = unix://{at}/vici }} }}
  filelog {{ log {{ path={at}/log }} }}
}}"
        );
        std::fs::write(directory.path().join("strongswan.conf"), settings).unwrap();
        std::fs::write(directory.path().join("swanctl.conf"), CONNECTIONS).unwrap();
        let socket = directory.path().join("vici");
        let _ = std::fs::remove_file(&socket);
        // /run is its own: charon leaves a file with its process number there.
        let process = Command::new("unshare")
            .args(["-n", "-m", "sh", "-c"])
            .arg(format!("mount -t tmpfs run /run && exec {PROGRAM}"))
            .env("STRONGSWAN_CONF", directory.path().join("strongswan.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let charon = Self { directory, process };
        let ready = (0..300).any(|_| {
            sleep(Duration::from_millis(100));
            socket.exists()
        });
        let log = std::fs::read_to_string(charon.directory.path().join("log"));
        assert!(ready, "charon did not start: {log:?}");
        charon
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("vici")
    }

    fn load(&self) {
        let directory = self.directory.path();
        let output = Command::new("swanctl")
            .args(["--load-all", "--file"])
            .arg(directory.join("swanctl.conf"))
            .arg("--uri")
            .arg(format!("unix://{}", self.socket().display()))
            .env("STRONGSWAN_CONF", directory.join("strongswan.conf"))
            .env("SWANCTL_DIR", directory)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Ends it with a signal, and gives its directory back.
    fn end(mut self, signal: &str) -> (TempDir, Option<i32>) {
        self.signal(signal);
        let status = self.process.wait().unwrap();
        (self.directory, status.signal())
    }
}

#[test]
fn a_real_charon_is_read_and_missed_when_it_hangs_or_is_gone() {
    if !Path::new(PROGRAM).exists() {
        return skip("strongSwan is not installed; tests/run installs it");
    }
    if !collect::is_root() {
        return skip("charon needs root");
    }
    let charon = Charon::start(tempfile::tempdir().unwrap());
    charon.load();
    let socket = charon.socket();
    let found = ike(&socket);
    println!("{found:#?}");
    assert!(found.daemon.starts_with("charon "), "{}", found.daemon);
    let names: Vec<&str> = found.connections.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["peer_192-0-2-2"]);
    assert_eq!(found.connections[0].children[0].remote_ts, ["10.9.0.0/16"]);

    charon.signal("STOP");
    assert_missing("SIGSTOP", &socket, Reason::TimedOut, "connection timed out");
    charon.signal("CONT");
    assert_eq!(ike(&socket).connections, found.connections);

    let (directory, signal) = charon.end("KILL");
    assert_eq!(signal, Some(9));
    assert_missing("SIGKILL", &socket, Reason::Failed, "nobody listens to it");

    let charon = Charon::start(directory);
    assert!(ike(&socket).connections.is_empty());
    let (_directory, _) = charon.end("TERM");
    match socket.exists() {
        true => assert_missing("SIGTERM", &socket, Reason::Failed, "nobody listens to it"),
        false => assert_missing("SIGTERM", &socket, Reason::Absent, "no such file or directory"),
    }
}
