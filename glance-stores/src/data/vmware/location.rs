//! Locations as URLs: `vsphere://<host>/folder/<image dir>/<id>?dsName=<datastore>&dcPath=<datacenter>`.

use glance_core::image::ImageId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use crate::outbound::OperatorUrl;

const SCHEME: &str = "vsphere";

/// What Python's `urlencode`, which wrote the locations there are, leaves as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');

/// A server of the vSphere API, and how locations name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// As it stands in locations: an IPv6 address in brackets.
    host: String,
    /// `https://<host>/`.
    pub(super) url: OperatorUrl,
}

impl Server {
    /// A server by its name or address, with a port if it is not 443; `None` if it is none.
    pub(super) fn named(host: &str) -> Option<Self> {
        let plain = !host.is_empty() && !host.contains(['/', '?', '#', '@', '\\']);
        let bare = host.parse::<std::net::Ipv6Addr>().is_ok();
        let host = if bare { format!("[{host}]") } else { host.to_owned() };
        let url = plain.then(|| OperatorUrl::parse(&format!("https://{host}/")).ok())??;
        Some(Self { host, url })
    }
}

/// A file in a datastore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DatastoreFile {
    /// The names of its folders and its own.
    pub(super) path: Vec<String>,
    pub(super) datastore: String,
    /// The path of the datacenter in the inventory; a host without a vCenter has only one.
    pub(super) datacenter: Option<String>,
}

impl DatastoreFile {
    /// Reads a location on `server` below the folder `image_dir`; `None` if it is none.
    pub(super) fn at(location: &str, server: &Server, image_dir: &[String]) -> Option<Self> {
        // Parsers of URLs drop line breaks without a word.
        let rest = location.strip_prefix(SCHEME)?.strip_prefix("://").filter(|rest| is_text(rest))?;
        let url = Url::parse(&format!("https://{rest}")).ok()?;
        if url.origin() != server.url.expose().origin() || url.username() != "" || url.password().is_some() {
            return None;
        }
        let segments: Option<Vec<String>> = url.path_segments()?.map(segment).collect();
        let mut path = segments?;
        if path.is_empty()
            || path.remove(0) != "folder"
            || path.len() <= image_dir.len()
            || !path.starts_with(image_dir)
        {
            return None;
        }
        let value = |name: &str| url.query_pairs().find(|(key, value)| key == name && !value.is_empty());
        let datastore = value("dsName").map(|(_, value)| value.into_owned()).filter(|name| is_datastore(name))?;
        let datacenter = value("dcPath").map(|(_, value)| value.into_owned());
        let fit = url.fragment().is_none() && datacenter.as_deref().is_none_or(is_text);
        fit.then_some(Self { path, datastore, datacenter })
    }

    /// The location of the data of `id` on `server`, letter for letter as Python Glance writes it.
    pub(super) fn location(&self, server: &Server) -> String {
        let mut query = format!("dsName={}", encoded(&self.datastore));
        if let Some(datacenter) = &self.datacenter {
            query.push_str("&dcPath=");
            query.push_str(&encoded(datacenter));
        }
        format!("{SCHEME}://{}/folder/{}?{query}", server.host, self.path.join("/"))
    }

    /// Where `server` hands the file out.
    pub(super) fn url(&self, server: &Server) -> OperatorUrl {
        let path = std::iter::once("folder").chain(self.path.iter().map(String::as_str));
        let datacenter = self.datacenter.as_deref().map(|path| ("dcPath", path));
        let query = std::iter::once(("dsName", self.datastore.as_str())).chain(datacenter);
        server.url.below(path).with_query(query)
    }

    /// The file as the vSphere API names it: `[datastore] folder/name`.
    pub(super) fn datastore_path(&self) -> String {
        format!("[{}] {}", self.datastore, self.path.join("/"))
    }

    /// The file called `name` in the same folder.
    pub(super) fn beside(&self, name: &str) -> Self {
        let mut beside = self.clone();
        beside.path.pop();
        beside.path.push(name.to_owned());
        beside
    }

    /// The folder the file lies in.
    pub(super) fn folder(&self) -> Self {
        let mut folder = self.clone();
        folder.path.pop();
        folder
    }

    /// The file with the data of `id`.
    pub(super) fn of(id: ImageId, image_dir: &[String], datastore: &str, datacenter: &str) -> Self {
        let path = image_dir.iter().cloned().chain([id.to_string()]).collect();
        Self { path, datastore: datastore.to_owned(), datacenter: Some(datacenter.to_owned()) }
    }
}

fn encoded(value: &str) -> String {
    utf8_percent_encode(value, QUERY).to_string().replace("%20", "+")
}

/// The name that a segment of a path spells, unless it is one that leads elsewhere.
fn segment(encoded: &str) -> Option<String> {
    let name = percent_decode_str(encoded).decode_utf8().ok()?.into_owned();
    is_name(&name).then_some(name)
}

/// Whether a file or folder may be called so.
pub(super) fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\']) && is_text(name)
}

/// Whether a datastore may be called so: in the paths of the API, its name stands in brackets.
pub(super) fn is_datastore(name: &str) -> bool {
    is_name(name) && !name.contains(['[', ']'])
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "71c675ab-d94f-49cd-a114-e12490b328d9";

    fn dir(path: &str) -> Vec<String> {
        path.split('/').map(str::to_owned).collect()
    }

    fn written(host: &str, folder: &str, datastore: &str, datacenter: &str) -> String {
        let server = Server::named(host).unwrap();
        let id = ID.parse().unwrap();
        let file = DatastoreFile::of(id, &dir(folder), datastore, datacenter);
        let location = file.location(&server);
        assert_eq!(DatastoreFile::at(&location, &server, &dir(folder)), Some(file), "{location}");
        location
    }

    #[test]
    fn locations_are_written_as_python_glance_writes_them() {
        for (host, folder, datastore, datacenter, expected) in [
            (
                "vc.example",
                "openstack_glance",
                "ds1",
                "dc1",
                "vc.example/folder/openstack_glance/ID?dsName=ds1&dcPath=dc1",
            ),
            ("10.0.0.1", "a/b", "ds 1", "f/dc~1", "10.0.0.1/folder/a/b/ID?dsName=ds+1&dcPath=f%2Fdc~1"),
            ("::1", "x", "a&b=c*", "dé", "[::1]/folder/x/ID?dsName=a%26b%3Dc%2A&dcPath=d%C3%A9"),
            ("[fe80::1]", "my images", "+%", "d", "[fe80::1]/folder/my images/ID?dsName=%2B%25&dcPath=d"),
        ] {
            let expected = format!("vsphere://{}", expected.replace("ID", ID));
            assert_eq!(written(host, folder, datastore, datacenter), expected);
        }
    }

    fn read(location: &str) -> Option<DatastoreFile> {
        DatastoreFile::at(location, &Server::named("VC.example").unwrap(), &dir("images"))
    }

    #[test]
    fn the_query_may_have_any_order() {
        let file = read("vsphere://vc.example/folder/images/x?dcPath=f%2Fdc&dsName=d+s").unwrap();
        assert_eq!((file.datastore.as_str(), file.datacenter.as_deref()), ("d s", Some("f/dc")));
        assert_eq!(file.datastore_path(), "[d s] images/x");
        assert_eq!(
            file.url(&Server::named("vc.example").unwrap()).expose().as_str(),
            "https://vc.example/folder/images/x?dsName=d+s&dcPath=f%2Fdc"
        );
        assert_eq!(read("vsphere://vc.example:443/folder/images/x?dsName=d").unwrap().datacenter, None);
    }

    #[test]
    fn what_names_no_image_of_this_store_is_refused() {
        for location in [
            "vsphere://vc.example/folder/images/x",
            "vsphere://vc.example/folder/images/x?",
            "vsphere://vc.example/folder/images/x?dcPath=d",
            "vsphere://vc.example/folder/images/x?dsName=",
            "vsphere://vc.example/folder/images/x?dsName=a%5D%20b",
            "vsphere://vc.example/folder/images/x?dsName=a&dcPath=%00",
            "vsphere://vc.example/folder/images?dsName=d",
            "vsphere://vc.example/folder/images/?dsName=d",
            "vsphere://vc.example/folder/vm/disk.vmdk?dsName=d",
            "vsphere://vc.example/folder/images/../vm/disk.vmdk?dsName=d",
            "vsphere://vc.example/folder/images/%2e%2e/vm/disk.vmdk?dsName=d",
            "vsphere://vc.example/folder/images/..%2Fvm?dsName=d",
            "vsphere://vc.example/folder/images/..\\..\\vm/x?dsName=d",
            "vsphere://vc.example/folder/images/a%0Ab?dsName=d",
            "vsphere://vc.example/folder/images/a\nb?dsName=d",
            "vsphere://vc.example/folder/images/%FF?dsName=d",
            "vsphere://vc.example/sdk/images/x?dsName=d",
            "vsphere://other.example/folder/images/x?dsName=d",
            "vsphere://vc.example:8443/folder/images/x?dsName=d",
            "vsphere://u:p@vc.example/folder/images/x?dsName=d",
            "vsphere://vc.example@other/folder/images/x?dsName=d",
            "vsphere://vc.example/folder/images/x?dsName=d#f",
            "https://vc.example/folder/images/x?dsName=d",
            "vsphere:/vc.example/folder/images/x?dsName=d",
            "vsphere://",
            "",
        ] {
            assert_eq!(read(location), None, "{location}");
        }
    }

    #[test]
    fn a_server_is_a_host_and_nothing_more() {
        for host in ["", "a b", "https://x", "x/y", "u@x", "x?y", "x:port", "[::1", "x#y"] {
            assert_eq!(Server::named(host), None, "{host}");
        }
        assert_eq!(Server::named("vc:8443").unwrap().url.expose().as_str(), "https://vc:8443/");
        assert_eq!(Server::named("::1").unwrap().url.expose().as_str(), "https://[::1]/");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(datastore in "[^\\[\\]/\\\\\\p{Cc}]{1,9}", datacenter in "[^\\p{Cc}]{1,9}") {
            prop_assume!(is_datastore(&datastore));
            written("vc.example", "openstack_glance", &datastore, &datacenter);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(vsphere://)?(vc.example)?/?(folder/images/)?[\\PC]{0,40}") {
            let file = read(&text);
            if let Some(file) = file {
                prop_assert!(file.path.len() > 1 && file.path[0] == "images" && file.path.iter().all(|name| is_name(name)));
            }
        }
    }
}
