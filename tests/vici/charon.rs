//! A real charon in a network namespace of its own: running, stopped with SIGSTOP, killed, started again and ended.

use super::{assert_missing, ike, skip};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
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

struct Charon<'a> {
    directory: &'a Path,
    process: Child,
}

impl Drop for Charon<'_> {
    /// A test that fails leaves no daemon.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl<'a> Charon<'a> {
    /// In new namespaces, with nothing of the host's configuration, and ready to be asked.
    fn start(directory: &'a Path) -> Self {
        let at = directory.display().to_string();
        let settings = format!(
            "charon {{
  load = random nonce aes sha1 sha2 hmac kdf gmp kernel-netlink socket-default vici
  install_routes=no
  plugins {{ vici {{ socket = unix://{at}/vici }} }}
  filelog {{ log {{ path={at}/log }} }}
}}"
        );
        std::fs::write(directory.join("strongswan.conf"), settings).unwrap();
        std::fs::write(directory.join("swanctl.conf"), CONNECTIONS).unwrap();
        let socket = directory.join("vici");
        let _ = std::fs::remove_file(&socket);
        // /run is its own: charon leaves a file with its process number there.
        let process = Command::new("unshare")
            .args(["-n", "-m", "sh", "-c"])
            .arg(format!("mount -t tmpfs run /run && exec {PROGRAM}"))
            .env("STRONGSWAN_CONF", directory.join("strongswan.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let charon = Self { directory, process };
        let ready = (0..300).any(|_| {
            sleep(Duration::from_millis(100));
            socket.exists()
        });
        let log = std::fs::read_to_string(directory.join("log"));
        assert!(ready, "charon did not start: {log:?}");
        charon
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("vici")
    }

    fn load(&self) {
        let directory = self.directory;
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

    /// Stops it. A thread may run on for a moment after the signal is sent.
    fn stop(&self) {
        self.signal("STOP");
        let tasks = format!("/proc/{}/task", self.process.id());
        let is_stopped = |task: std::io::Result<std::fs::DirEntry>| {
            let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('T')
        };
        let stopped = (0..300).any(|_| {
            sleep(Duration::from_millis(10));
            std::fs::read_dir(&tasks).unwrap().all(is_stopped)
        });
        assert!(stopped, "charon does not stop");
    }

    /// Ends it with a signal: the one that it ended by.
    fn end(mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        self.process.wait().unwrap().signal()
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
    let directory = tempfile::tempdir().unwrap();
    let charon = Charon::start(directory.path());
    charon.load();
    let socket = charon.socket();
    let found = ike(&socket);
    println!("{found:#?}");
    assert!(found.daemon.starts_with("charon "), "{}", found.daemon);
    let names: Vec<&str> = found.connections.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["peer_192-0-2-2"]);
    assert_eq!(found.connections[0].children[0].remote_ts, ["10.9.0.0/16"]);

    charon.stop();
    assert_missing("SIGSTOP", &socket, Reason::TimedOut, "connection timed out");
    charon.signal("CONT");
    assert_eq!(ike(&socket).connections, found.connections);

    assert_eq!(charon.end("KILL"), Some(9));
    assert_missing("SIGKILL", &socket, Reason::Failed, "no process listens on it");

    let charon = Charon::start(directory.path());
    assert!(ike(&socket).connections.is_empty());
    charon.end("TERM");
    match socket.exists() {
        true => assert_missing("SIGTERM", &socket, Reason::Failed, "no process listens on it"),
        false => assert_missing("SIGTERM", &socket, Reason::Absent, "no such file or directory"),
    }
}
