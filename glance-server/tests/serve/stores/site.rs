//! One configuration with every store in it, each at a place of the test's own in a real backend.

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use glance_core::conformance::backend;
use tempfile::TempDir;
use uuid::Uuid;

use super::relay::Relay;
use crate::server::Server;

/// Those that take data.
pub(crate) const WRITABLE: [&str; 5] = ["files", "rados", "objects", "buckets", "vmware"];

/// What the scripts in `tests/backends` say of what they have started.
pub(crate) struct Backends {
    ceph: String,
    swift: HashMap<String, String>,
    s3: ObjectServer,
    vsphere: HashMap<String, String>,
    pub(crate) web: String,
}

/// A server that speaks S3.
struct ObjectServer {
    address: String,
    access: String,
    secret: String,
    region: String,
}

/// Where the server under test keeps what it has. What lies in the backends goes with this.
pub(crate) struct Site {
    backends: Backends,
    folder: TempDir,
    /// Of container, bucket and folder.
    name: String,
}

/// The way to one of the backends, for tests to close.
pub(crate) enum Way {
    /// With what the configuration says of it instead of the backend's own address.
    Through(&'static str, Relay),
    /// Clients of Ceph go where its monitors tell them to, past any relay. They ask those that this file names.
    Ceph { file: PathBuf, real: String },
}

impl Backends {
    /// `None`, and said, where one is missing.
    pub(crate) fn find() -> Option<Self> {
        let found = ["GLANCE_TEST_RBD", "GLANCE_TEST_SWIFT", "GLANCE_TEST_S3", "GLANCE_TEST_VMWARE", "GLANCE_TEST_WEB"]
            .map(backend);
        let [ceph, swift, s3, vsphere, web] = found;
        let (ceph, swift, s3, vsphere, web) = (ceph?, swift?, s3?, vsphere?, web?);
        Some(Self {
            ceph,
            swift: pairs(swift.split(',')),
            s3: ObjectServer::named(&s3),
            vsphere: pairs(fs::read_to_string(vsphere).unwrap().lines()),
            web,
        })
    }
}

fn pairs<'a>(parts: impl Iterator<Item = &'a str>) -> HashMap<String, String> {
    parts.filter_map(|part| part.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl ObjectServer {
    /// What `http://ACCESS:SECRET@HOST:PORT/?region=REGION` says.
    fn named(settings: &str) -> Self {
        let (_, rest) = settings.split_once("://").unwrap();
        let (credentials, rest) = rest.split_once('@').unwrap();
        let (address, query) = rest.split_once("/?").unwrap();
        let (access, secret) = credentials.split_once(':').unwrap();
        let region = query.strip_prefix("region=").unwrap();
        let [address, access, secret, region] = [address, access, secret, region].map(ToOwned::to_owned);
        Self { address, access, secret, region }
    }
}

impl Way {
    pub(crate) fn open(&self) {
        match self {
            Self::Through(_, relay) => relay.open(),
            Self::Ceph { file, real } => fs::write(file, real).unwrap(),
        }
    }

    pub(crate) fn close(&self) {
        match self {
            Self::Through(_, relay) => relay.close(),
            Self::Ceph { file, real } => {
                let line = |line: &str| match line.split_once(" = ") {
                    // Nobody listens there.
                    Some(("mon_host", _)) => "mon_host = v2:127.0.0.1:1\n".to_owned(),
                    _ => format!("{line}\n"),
                };
                fs::write(file, real.lines().map(line).collect::<String>()).unwrap();
            }
        }
    }

    /// Whether a connection that is open breaks when it is closed.
    pub(crate) fn breaks(&self) -> bool {
        matches!(self, Self::Through(..))
    }

    fn port_for(&self, store: &str) -> Option<u16> {
        match self {
            Self::Through(name, relay) if *name == store => Some(relay.port()),
            _ => None,
        }
    }
}

impl Site {
    pub(crate) fn new(backends: Backends) -> Self {
        let site = Self { backends, folder: tempfile::tempdir().unwrap(), name: format!("test-{}", Uuid::new_v4()) };
        fs::write(site.path("ceph.conf"), fs::read_to_string(&site.backends.ceph).unwrap()).unwrap();
        site
    }

    /// A way that goes where `store` has its data.
    pub(crate) fn way_to(&self, store: &'static str) -> Way {
        let target = match store {
            "objects" => self.swift_address().to_owned(),
            "buckets" => self.backends.s3.address.clone(),
            "vmware" => format!("{}:443", self.backends.vsphere["host"]),
            _ => {
                let file = self.path("ceph.conf").into();
                return Way::Ceph { file, real: fs::read_to_string(&self.backends.ceph).unwrap() };
            }
        };
        Way::Through(store, Relay::to(target.parse().unwrap()))
    }

    /// Starts a server with all stores. One of them is reached by `way`, where there is one.
    pub(crate) fn serve(&self, way: Option<&Way>) -> Server {
        let port_for = |store| way.and_then(|way| way.port_for(store));
        fs::write(self.path("swift.conf"), self.swift_account(port_for("objects"))).unwrap();
        let stores = [
            format!("[files]\nfilesystem_store_datadir = {}\n", self.path("files")),
            self.rados(way),
            self.objects(),
            self.buckets(port_for("buckets")),
            self.vmware(port_for("vmware")),
            "[web]\nhttps_insecure = false\n".to_owned(),
        ];
        let text = format!(
            "[DEFAULT]\nenabled_backends = files:file, rados:rbd, objects:swift, buckets:s3, vmware:vmware, web:http\n\
             show_multiple_locations = true\nlog_file = {}\n[glance_store]\ndefault_backend = files\n{}\
             [glance_rs]\nauth_mode = none\noutbound_allowed = 127.0.0.1\ndata_dir = {}\n",
            self.path("api.log"),
            stores.concat(),
            self.path("data"),
        );
        fs::write(self.path("glance-api.conf"), text).unwrap();
        Server::start(&["--config-file", &self.path("glance-api.conf")])
    }

    pub(crate) fn web(&self) -> &str {
        &self.backends.web
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("api.log")).unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn rados(&self, way: Option<&Way>) -> String {
        // What is away answers nothing, for as long as it is waited for.
        let patience = matches!(way, Some(Way::Ceph { .. })).then_some("rados_connect_timeout = 10\n");
        format!(
            "[rados]\nrbd_store_pool = images\nrbd_store_user = glance\nrbd_store_ceph_conf = {}\n{}",
            self.path("ceph.conf"),
            patience.unwrap_or_default()
        )
    }

    fn swift_address(&self) -> &str {
        self.backends.swift["auth"].strip_prefix("http://").unwrap().split('/').next().unwrap()
    }

    fn swift_account(&self, port: Option<u16>) -> String {
        let Backends { swift, .. } = &self.backends;
        let address = port.map_or_else(|| self.swift_address().to_owned(), local);
        let address = swift["auth"].replace(self.swift_address(), &address);
        format!(
            "[ref1]\nauth_version = 1\nauth_address = {address}\nuser = {}\nkey = {}\n",
            swift["user"], swift["key"]
        )
    }

    /// Of more than 4 MB in segments of 1 MB.
    fn objects(&self) -> String {
        format!(
            "[objects]\nswift_store_config_file = {}\ndefault_swift_reference = ref1\nswift_store_container = {}\n\
             swift_store_create_container_on_put = true\nswift_store_large_object_size = 4\n\
             swift_store_large_object_chunk_size = 1\n",
            self.path("swift.conf"),
            self.name
        )
    }

    /// Of more than 5 MiB in parts of as much.
    fn buckets(&self, port: Option<u16>) -> String {
        let ObjectServer { address, access, secret, region } = &self.backends.s3;
        let address = port.map_or_else(|| address.clone(), local);
        format!(
            "[buckets]\ns3_store_host = http://{address}\ns3_store_access_key = {access}\n\
             s3_store_secret_key = {secret}\ns3_store_region_name = {region}\ns3_store_bucket = {}\n\
             s3_store_create_bucket_on_put = true\ns3_store_large_object_size = 5\n\
             s3_store_large_object_chunk_size = 5\n",
            self.name
        )
    }

    /// The certificate names the server, and not the way to it.
    fn vmware(&self, port: Option<u16>) -> String {
        let Backends { vsphere, .. } = &self.backends;
        let host = port.map_or_else(|| vsphere["host"].clone(), local);
        let datastore = |name| format!("vmware_datastores = {}:{name}\n", vsphere["datacenter"]);
        format!(
            "[vmware]\nvmware_server_host = {host}\nvmware_server_username = {}\nvmware_server_password = {}\n\
             {}vmware_store_image_dir = /test/{}\nvmware_thumbprint = {}\nvmware_api_retry_count = 2\n\
             vmware_task_poll_interval = 1\n",
            vsphere["username"],
            vsphere["password"],
            vsphere["datastores"].split(',').map(datastore).collect::<String>(),
            self.name,
            vsphere["thumbprint"]
        )
    }
}

fn local(port: u16) -> String {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string()
}

/// What the backends themselves say.
impl Site {
    /// Whether a store's backend has anything that is called after an image, finished or not.
    pub(crate) fn has(&self, store: &str, id: &str) -> bool {
        let names = match store {
            "files" => self.files(),
            "rados" => self.rbd(&["ls", "images"]) + &self.rbd(&["trash", "ls", "--all", "images"]),
            "objects" => self.swift("GET", ""),
            "buckets" => self.s3("GET", "?list-type=2") + &self.s3("GET", "?uploads="),
            _ => self.vsphere("GET", "files"),
        };
        names.contains(id)
    }

    fn files(&self) -> String {
        let names = fs::read_dir(self.path("files")).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap() + "\n").collect()
    }

    fn rbd(&self, arguments: &[&str]) -> String {
        output(Command::new("rbd").args(["-c", &self.backends.ceph, "--id", "glance"]).args(arguments), &[0])
    }

    /// What Swift answers about the container, or about what `rest` names in it.
    fn swift(&self, method: &str, rest: &str) -> String {
        let Backends { swift, .. } = &self.backends;
        let (user, key) = (format!("X-Auth-User: {}", swift["user"]), format!("X-Auth-Key: {}", swift["key"]));
        let granted = curl(&["-D-", "-o", "/dev/null", "-H", &user, "-H", &key, &swift["auth"]]);
        let header = |name: &str| {
            let lines = granted.lines().filter_map(|line| line.split_once(": "));
            lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next().unwrap()
        };
        let token = format!("X-Auth-Token: {}", header("x-auth-token"));
        curl(&["-X", method, "-H", &token, &format!("{}/{}{rest}", header("x-storage-url"), self.name)])
    }

    /// What the server answers about the bucket, or about what `rest` names in it.
    fn s3(&self, method: &str, rest: &str) -> String {
        let ObjectServer { address, access, secret, region } = &self.backends.s3;
        let (signed, user) = (format!("aws:amz:{region}:s3"), format!("{access}:{secret}"));
        let url = format!("http://{address}/{}{rest}", self.name);
        curl(&["-X", method, "--aws-sigv4", &signed, "-u", &user, "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", &url])
    }

    /// What the simulator does with the folder.
    fn vsphere(&self, method: &str, what: &str) -> String {
        let Backends { vsphere, .. } = &self.backends;
        let url = format!("https://{}/control/{what}?under=test/{}", vsphere["host"], self.name);
        curl(&["-X", method, "--cacert", &vsphere["ca_file"], &url])
    }
}

impl Drop for Site {
    #[expect(clippy::print_stdout, reason = "shown by the test runner when a test fails")]
    fn drop(&mut self) {
        if thread::panicking() {
            println!("{}", fs::read_to_string(self.path("api.log")).unwrap_or_default());
        }
        for object in self.swift("GET", "").lines() {
            self.swift("DELETE", &format!("/{object}"));
        }
        self.swift("DELETE", "");
        let list = self.s3("GET", "?list-type=2");
        for key in list.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>")) {
            self.s3("DELETE", &format!("/{}", key.0));
        }
        self.s3("DELETE", "");
        self.vsphere("POST", "forget");
    }
}

/// The answer's body; nothing if it is a refusal.
fn curl(arguments: &[&str]) -> String {
    /// How curl tells of a refusal.
    const REFUSED: i32 = 22;
    output(Command::new("curl").args(["-sSf", "--noproxy", "*"]).args(arguments), &[0, REFUSED])
}

/// What a program prints that ends with one of `codes`.
fn output(command: &mut Command, codes: &[i32]) -> String {
    let output = command.output().unwrap();
    let code = output.status.code().unwrap();
    assert!(codes.contains(&code), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
