//! Where the services of a cloud are, as Keystone tells the holder of a token.

use serde::Deserialize;

/// The catalogue of services that came with a caller's token.
///
/// Read from the JSON of Keystone's API v3 (a token's `catalog`) and from that of v2, which
/// `X-Service-Catalog` still carries. URLs in it come from Keystone, not from the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Vec<Written>")]
pub struct ServiceCatalog {
    services: Vec<Service>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    kind: String,
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Endpoint {
    interface: &'static str,
    region: Option<String>,
    url: String,
}

impl ServiceCatalog {
    /// The URL of the first endpoint of a service of type `kind` (`object-store`), on `interface`
    /// (`public`, `internal` or `admin`), in `region`; `None` as a region means any.
    #[must_use]
    pub fn endpoint(&self, kind: &str, interface: &str, region: Option<&str>) -> Option<&str> {
        let of_kind = self.services.iter().filter(|service| service.kind == kind);
        let mut endpoints = of_kind.flat_map(|service| &service.endpoints);
        let is_meant = |endpoint: &&Endpoint| {
            endpoint.interface == interface && region.is_none_or(|region| endpoint.region.as_deref() == Some(region))
        };
        endpoints.find(is_meant).map(|endpoint| endpoint.url.as_str())
    }

    /// The URLs of all endpoints of services of type `kind`.
    pub fn endpoints<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        let of_kind = self.services.iter().filter(move |service| service.kind == kind);
        of_kind.flat_map(|service| &service.endpoints).map(|endpoint| endpoint.url.as_str())
    }

    /// Whether no service stands in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// About how much memory it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let endpoints = self.services.iter().flat_map(|service| &service.endpoints);
        let services: usize = self.services.iter().map(|service| size_of::<Service>() + service.kind.len()).sum();
        let region = |endpoint: &Endpoint| endpoint.region.as_deref().map_or(0, str::len);
        endpoints.fold(services, |sum, endpoint| sum + size_of::<Endpoint>() + region(endpoint) + endpoint.url.len())
    }
}

/// A service as JSON has it.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<WrittenEndpoint>,
}

/// An endpoint of v3, which is one, or of v2, which is up to three.
#[derive(Deserialize)]
struct WrittenEndpoint {
    interface: Option<String>,
    region: Option<String>,
    region_id: Option<String>,
    url: Option<String>,
    #[serde(rename = "publicURL")]
    public: Option<String>,
    #[serde(rename = "internalURL")]
    internal: Option<String>,
    #[serde(rename = "adminURL")]
    admin: Option<String>,
}

impl From<Vec<Written>> for ServiceCatalog {
    fn from(written: Vec<Written>) -> Self {
        let services = written.into_iter().map(|service| Service {
            kind: service.kind,
            endpoints: service.endpoints.into_iter().flat_map(WrittenEndpoint::endpoints).collect(),
        });
        Self { services: services.collect() }
    }
}

impl WrittenEndpoint {
    fn endpoints(self) -> impl Iterator<Item = Endpoint> {
        let region = self.region_id.or(self.region);
        let interface = match self.interface.as_deref() {
            Some("internal") => "internal",
            Some("admin") => "admin",
            Some("public") => "public",
            // Nobody asks for an interface of another name.
            _ => "",
        };
        [(interface, self.url), ("public", self.public), ("internal", self.internal), ("admin", self.admin)]
            .into_iter()
            .filter_map(move |(interface, url)| Some(Endpoint { interface, region: region.clone(), url: url? }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn catalog(json: serde_json::Value) -> ServiceCatalog {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn an_endpoint_is_found_by_type_interface_and_region() {
        let at = |interface: &str, region: &str, url: &str| json!({ "interface": interface, "region": region, "region_id": region, "url": url });
        let catalog = catalog(json!([
            { "type": "identity", "name": "keystone", "endpoints": [at("public", "one", "http://keystone")] },
            { "type": "object-store", "endpoints": [
                at("admin", "one", "http://admin"), at("public", "one", "http://one"), at("public", "two", "http://two"),
            ] },
            { "type": "image" },
        ]));
        let found = |interface, region| catalog.endpoint("object-store", interface, region);
        assert_eq!(found("public", None), Some("http://one"));
        assert_eq!(found("public", Some("two")), Some("http://two"));
        assert_eq!(found("admin", Some("one")), Some("http://admin"));
        assert_eq!(found("internal", None), None);
        assert_eq!(found("public", Some("three")), None);
        assert_eq!(catalog.endpoint("image", "public", None), None);
        let all: Vec<_> = catalog.endpoints("object-store").collect();
        assert_eq!(all, ["http://admin", "http://one", "http://two"]);
        assert!(catalog.bytes() > ServiceCatalog::default().bytes() + "http://keystone".len());
    }

    #[test]
    fn the_older_form_holds_all_interfaces_in_one_endpoint() {
        let catalog = catalog(json!([{ "type": "object-store", "name": "swift", "endpoints": [
            { "region": "one", "publicURL": "http://p", "internalURL": "http://i", "adminURL": "http://a" },
        ] }]));
        for (interface, url) in [("public", "http://p"), ("internal", "http://i"), ("admin", "http://a")] {
            assert_eq!(catalog.endpoint("object-store", interface, Some("one")), Some(url));
        }
    }

    #[test]
    fn what_is_no_catalogue_is_refused() {
        for text in ["{}", "[1]", "[{}]", r#"[{"type": 1}]"#, r#"[{"type": "a", "endpoints": {}}]"#] {
            assert!(serde_json::from_str::<ServiceCatalog>(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<ServiceCatalog>("[]").unwrap().is_empty());
    }
}
