//! The definitions that come with the service: what people define most, in the files of `definitions/`.

macro_rules! starter {
    ($name:literal) => {
        (concat!($name, ".json"), include_str!(concat!("../../definitions/", $name, ".json")))
    };
}

/// The starter set: name and content of each file.
///
/// Parsed as JSON, [`Definition::from_file`](super::Definition::from_file) reads every one of them.
pub const STARTER: &[(&str, &str)] = &[
    starter!("aggregate-limits"),
    starter!("boot"),
    starter!("disk-devices"),
    starter!("disk-encryption"),
    starter!("display-and-input"),
    starter!("display-flavor"),
    starter!("guest-agent"),
    starter!("guest-shutdown"),
    starter!("host-devices"),
    starter!("hypervisor"),
    starter!("image-common"),
    starter!("image-signature"),
    starter!("libvirt-flavor"),
    starter!("libvirt-image"),
    starter!("libvirt"),
    starter!("memory-backing"),
    starter!("memory-encryption"),
    starter!("memory-persistent"),
    starter!("network-devices"),
    starter!("numa"),
    starter!("operating-system"),
    starter!("processor-pinning-flavor"),
    starter!("processor-pinning"),
    starter!("processor-topology"),
    starter!("processor-traits"),
    starter!("quota"),
    starter!("random-number-generator"),
    starter!("security-flavor"),
    starter!("software-containers"),
    starter!("software-databases"),
    starter!("software-runtimes"),
    starter!("software-webservers"),
    starter!("tpm"),
    starter!("vmware-flavor"),
    starter!("vmware-quota-flavor"),
    starter!("vmware"),
    starter!("volume-type"),
    starter!("watchdog"),
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use jiff::Timestamp;
    use serde_json::{Map, Value, json};

    use super::super::{Contents, Definition, Recorded, WholeNamespace, check};
    use super::STARTER;

    fn definitions() -> Vec<Definition> {
        let parse = |(name, text): &(&str, &str)| {
            let content: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            Definition::from_file(&content).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        STARTER.iter().map(parse).collect()
    }

    fn recorded<T>(item: T) -> Recorded<T> {
        Recorded { item, created_at: Timestamp::UNIX_EPOCH, updated_at: None }
    }

    fn whole(definition: Definition) -> WholeNamespace {
        WholeNamespace {
            namespace: recorded(definition.namespace),
            contents: Contents {
                associations: definition.associations.into_iter().map(recorded).collect(),
                properties: definition.properties.into_iter().map(recorded).collect(),
                objects: definition.objects.into_iter().map(recorded).collect(),
                tags: definition.tags.into_iter().map(recorded).collect(),
            },
        }
    }

    /// Resource type, target, full name and schema.
    type Defined = (String, Option<String>, String, Map<String, Value>);

    /// Everything that the set defines.
    fn defined() -> Vec<Defined> {
        let mut defined = Vec::new();
        for definition in definitions() {
            let of_objects = definition.objects.iter().flat_map(|object| &object.properties);
            let of_objects = of_objects.map(|(name, schema)| (name, schema.as_object().unwrap()));
            let plain = definition.properties.iter().map(|property| (&property.name, &property.schema));
            for (name, schema) in plain.chain(of_objects) {
                for association in &definition.associations {
                    let full = format!("{}{name}", association.prefix.as_deref().unwrap_or_default());
                    let target = association.properties_target.clone();
                    defined.push((association.resource_type.clone(), target, full, schema.clone()));
                }
            }
        }
        defined
    }

    fn accepts(set: &[WholeNamespace], kind: &str, target: Option<&str>, name: &str, value: Value) -> bool {
        check(kind, target, &Map::from_iter([(name.to_owned(), value)]), set).is_empty()
    }

    #[test]
    fn every_file_of_the_folder_is_in_the_set() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("definitions");
        let mut found: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        assert_eq!(found, STARTER.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn each_comes_back_from_a_file_as_it_was() {
        for definition in definitions() {
            assert_eq!(Definition::from_file(&definition.to_file()).unwrap(), definition);
        }
    }

    #[test]
    fn what_the_definitions_offer_passes_them_and_the_rest_does_not() {
        let set: Vec<_> = definitions().into_iter().map(whole).collect();
        for (kind, target, name, schema) in defined() {
            let target = target.as_deref();
            let list = |key: &str| schema.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
            let bounds = ["minimum", "maximum", "default"].into_iter().filter_map(|key| schema.get(key).cloned());
            for value in list("enum").into_iter().chain(bounds) {
                assert!(accepts(&set, &kind, target, &name, value.clone()), "{kind} {name} {value}");
            }
            if schema.contains_key("enum") || schema["type"] != "string" {
                assert!(!accepts(&set, &kind, target, &name, json!("no such value")), "{kind} {name}");
            }
            if let Some(minimum) = schema.get("minimum").and_then(Value::as_i64) {
                assert!(!accepts(&set, &kind, target, &name, json!(minimum - 1)), "{kind} {name}");
            }
        }
    }

    #[test]
    fn patterns_take_what_is_meant() {
        let set: Vec<_> = definitions().into_iter().map(whole).collect();
        let flavor = |name, value: &str| accepts(&set, "OS::Nova::Flavor", None, name, json!(value));
        let image = |name, value: &str| accepts(&set, "OS::Glance::Image", None, name, json!(value));
        for size in ["small", "large", "any", "2048", "2MB", "1GB", "4KiB"] {
            assert!(flavor("hw:mem_page_size", size) && image("hw_mem_page_size", size), "{size}");
        }
        assert!(!flavor("hw:mem_page_size", "huge") && !flavor("hw:mem_page_size", "2048 "));
        for mask in ["0", "0-3", "^0-1", "0,2,4-7", "0-7,^3"] {
            assert!(flavor("hw:cpu_dedicated_mask", mask) && flavor("hw:numa_cpus.1", mask), "{mask}");
        }
        assert!(!flavor("hw:cpu_dedicated_mask", "0-") && !flavor("hw:cpu_dedicated_mask", "a"));
        assert!(flavor("pci_passthrough:alias", "gpu:1, nic:2") && !flavor("pci_passthrough:alias", "gpu"));
        assert!(image("img_hv_requested_version", ">=6.2,<9") && !image("img_hv_requested_version", "6.2"));
        assert!(image("kernel_id", "7d1b9ee4-4a0f-4dbb-9f0b-6a1f1b3c2d4e") && !image("kernel_id", "7d1b9ee4"));
        assert!(flavor("vmware:hw_version", "vmx-19") && !flavor("vmware:hw_version", "19"));
    }
}
