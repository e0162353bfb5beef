//! What to warn about: settings that do not do what whoever wrote them may expect.

use super::finding::{Finding, Origin};
use super::kind::Value;
use super::layers::{Layers, Setting, section_name};
use super::options::{Effect, Known, Section};
use super::resolve::Resolved;

/// Every warning about `layers`, in the order of the files.
pub(super) fn warnings(layers: &Layers, resolved: &Resolved) -> Vec<Finding> {
    let mut found = Vec::new();
    for layer in &layers.files {
        let mut warned = Vec::new();
        for (header, origin) in &layer.headers {
            if !warned.contains(&header) && section(resolved, &section_name(header)).is_none() {
                warned.push(header);
                found.push(unknown_section(header, origin));
            }
        }
        for setting in &layer.settings {
            match judge(resolved, setting) {
                Judgement::Fine => {}
                Judgement::Warn(message) => {
                    found.push(Finding::new(Some(setting.origin.clone()), message));
                }
            }
        }
    }
    found.extend(losses(resolved));
    found
}

enum Judgement {
    Fine,
    Warn(String),
}

fn section<'a>(resolved: &'a Resolved, name: &str) -> Option<&'a Section> {
    resolved.sections.iter().find(|section| section.name == name)
}

fn unknown_section(header: &str, origin: &Origin) -> Finding {
    let hint = if header.eq_ignore_ascii_case("DEFAULT") {
        "; the section of general options is spelled [DEFAULT]"
    } else {
        ""
    };
    let message = format!("unknown section [{header}]: nothing in it has any effect{hint}");
    Finding::new(Some(origin.clone()), message)
}

fn judge(resolved: &Resolved, setting: &Setting) -> Judgement {
    let Setting { section: group, name, .. } = setting;
    if let Some((section, option)) = by_old_name(resolved, group, name) {
        let now = &option.name;
        let section = &section.name;
        return Judgement::Warn(format!("[{group}] {name} is the old name of [{section}] {now}"));
    }
    let Some(section) = section(resolved, group) else {
        // Its header has been warned about.
        return Judgement::Fine;
    };
    match section.option(name) {
        Some(option) if option.effect == Effect::Removed => dropped(group, name),
        Some(_) => Judgement::Fine,
        None if group == "DEFAULT" && name.starts_with("registry_") => dropped(group, name),
        None if section.open => Judgement::Fine,
        None => Judgement::Warn(format!("unknown option [{group}] {name} has no effect")),
    }
}

fn by_old_name<'a>(resolved: &'a Resolved, group: &str, name: &str) -> Option<(&'a Section, &'static Known)> {
    resolved.sections.iter().find_map(|section| {
        let option = section.options().find(|option| {
            option.old.iter().any(|(old_group, old_name)| {
                let old_group = if old_group.is_empty() { &section.name } else { *old_group };
                (old_group, *old_name) == (group, name)
            })
        })?;
        Some((section, option))
    })
}

fn dropped(group: &str, name: &str) -> Judgement {
    Judgement::Warn(format!("[{group}] {name} has no effect: Glance has dropped it"))
}

/// Options that ask for something this server does not do.
fn losses(resolved: &Resolved) -> Vec<Finding> {
    let mut found = Vec::new();
    for section in &resolved.sections {
        for option in section.options() {
            let Effect::Missing(loss) = option.effect else {
                continue;
            };
            if let Some(origin) = changed(resolved, section, option) {
                let message = format!("[{}] {} is not honoured: {loss}", section.name, option.name);
                found.push(Finding::new(Some(origin), message));
            }
        }
    }
    found
}

/// Where `option` is set to anything but its default and words for "nothing".
fn changed(resolved: &Resolved, section: &Section, option: &Known) -> Option<Origin> {
    let origin = resolved.origin(&section.name, option.name)?;
    let now = resolved.value(&section.name, option.name)?;
    let default = option.default.and_then(|text| option.kind.read(text).ok().flatten());
    let idle = match now {
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.iter().all(|item| IDLE.contains(&item.as_str())),
        _ => false,
    };
    (!idle && default.as_ref() != Some(now)).then_some(origin)
}

/// Drivers and plugins of Glance that do nothing.
const IDLE: &[&str] = &["", "noop", "no_op"];

#[cfg(test)]
mod tests {
    use crate::config::testing::warnings;

    #[test]
    fn unknown_options_and_sections_are_named_with_their_place() {
        assert_eq!(
            warnings("[DEFAULT]\nbind_prot = 1\n[fast]\nweight = 1\n[fast]\nweight = 2"),
            [
                "glance-api.conf:3: unknown section [fast]: nothing in it has any effect",
                "glance-api.conf:2: unknown option [DEFAULT] bind_prot has no effect",
            ]
        );
    }

    #[test]
    fn an_option_of_another_kind_of_store_is_unknown() {
        let text = "[DEFAULT]\nenabled_backends = a:file\n[glance_store]\ndefault_backend = a\n[a]\nrbd_store_pool = x";
        assert_eq!(warnings(text), ["glance-api.conf:6: unknown option [a] rbd_store_pool has no effect"]);
    }

    #[test]
    fn what_is_not_done_is_said_when_it_was_asked_for() {
        assert_eq!(
            warnings("[DEFAULT]\nuse_syslog = true\nuse_journal = false"),
            ["glance-api.conf:2: [DEFAULT] use_syslog is not honoured: log lines do not go to syslog"]
        );
    }

    #[test]
    fn rules_for_content_are_honoured_but_for_those_on_conversion() {
        let found = warnings(
            "[image_format]\nrequire_image_format_match = false\ngpt_safety_checks_nonfatal = mbr\n\
             vmdk_allowed_types = streamOptimized",
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("vmdk_allowed_types is not honoured"), "{found:?}");
    }

    #[test]
    fn asking_for_nothing_is_no_loss() {
        let text = "[oslo_messaging_notifications]\ndriver = noop\n[image_import_opts]\nimage_import_plugins = [no_op]\n\
                    [DEFAULT]\nimage_cache_dir =";
        assert!(warnings(text).is_empty(), "{:?}", warnings(text));
    }

    #[test]
    fn tuning_of_libraries_that_are_not_here_passes_in_silence() {
        let text = "[DEFAULT]\nexecutor_thread_pool_size = 9\n[oslo_messaging_rabbit]\nrabbit_quorum_queue = true\n\
                    [profiler]\nenabled = true\n[barbican]\nanything = 1\n[keystone_authtoken]\nmemcache_pool_maxsize = 3";
        assert!(warnings(text).is_empty(), "{:?}", warnings(text));
    }

    #[test]
    fn dropped_options_are_named_one_by_one() {
        assert_eq!(
            warnings("[DEFAULT]\nregistry_host = a\nenable_v1_api = true\nregistry_port = 1"),
            [
                "glance-api.conf:2: [DEFAULT] registry_host has no effect: Glance has dropped it",
                "glance-api.conf:3: [DEFAULT] enable_v1_api has no effect: Glance has dropped it",
                "glance-api.conf:4: [DEFAULT] registry_port has no effect: Glance has dropped it",
            ]
        );
    }

    #[test]
    fn the_section_that_auth_section_names_is_known() {
        assert!(warnings("[keystone_authtoken]\nauth_section = ks\n[ks]\nusername = glance").is_empty());
    }
}
