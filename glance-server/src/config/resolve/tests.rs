use crate::config::testing::{Folder, file, problems, read, settings, warnings};

#[test]
fn references_reach_options_of_the_section_of_default_and_of_others() {
    let read = settings(
        "[DEFAULT]\npublic_endpoint = http://$bind_host:${bind_port}/${paste_deploy.flavor}\n\
         bind_host = 127.0.0.1\n[paste_deploy]\nflavor = caching\n[DEFAULT]\n\
         worker_self_reference_url = pay$$",
    );
    assert_eq!(read.default.public_endpoint.as_deref(), Some("http://127.0.0.1:9292/caching"));
    assert_eq!(read.default.worker_self_reference_url.as_deref(), Some("pay$"));
}

#[test]
fn a_reference_to_nothing_or_in_a_circle_is_refused() {
    assert_eq!(
        problems("[DEFAULT]\npublic_endpoint = $nobody"),
        ["glance-api.conf:2: [DEFAULT] public_endpoint refers to $nobody, which is no option"]
    );
    let circle = problems("[DEFAULT]\nlog_dir = $log_file\nlog_file = $log_dir");
    assert!(circle.iter().any(|problem| problem.contains("refers to itself")), "{circle:?}");
}

#[test]
fn a_dollar_sign_in_a_secret_does_not_show_what_follows_it() {
    for text in [
        "[DEFAULT]\nmetadata_encryption_key = a$canary",
        "[DEFAULT]\ntransport_url = rabbit://u:${canary}@h/",
        "[DEFAULT]\npublic_endpoint = http://u:a$canary@h",
        "[database]\nslave_connection = mysql://u:a$canary@h/glance",
        "[glance_store]\nhttp_proxy_information = http:http://u:$canary@h",
        "[DEFAULT]\npublic_endpoint = http://$metadata_encryption_key\nmetadata_encryption_key = 0123456789abcde$canary",
    ] {
        let found = problems(text);
        assert!(found.iter().any(|problem| problem.contains("is written $$")), "{text} {found:?}");
        assert!(!found.concat().contains("canary"), "{found:?}");
    }
}

#[test]
fn references_that_multiply_are_cut_off() {
    let names = ["log_file", "log_dir", "public_endpoint", "log_date_format", "bind_host", "syslog_log_facility"];
    let mut text = format!("[DEFAULT]\nflavor = x\ninstance_format = {}\n", "x".repeat(1000));
    let mut before = "instance_format";
    for name in names {
        text.extend([name, " = ", &format!("${before} ").repeat(40), "\n"]);
        before = name;
    }
    assert!(problems(&text).iter().any(|problem| problem.contains("grows beyond")));
}

#[test]
fn old_names_are_read_and_warned_about() {
    let text = "[DEFAULT]\ndisk_formats = raw\nlogfile = x.log\nlog-dir = /var";
    let read = settings(text);
    assert_eq!(read.image_format.disk_formats, ["raw"]);
    assert_eq!(read.logging.file.as_deref(), Some("/var/x.log".as_ref()));
    assert_eq!(
        warnings(text)[..2],
        [
            "glance-api.conf:2: [DEFAULT] disk_formats is the old name of [image_format] disk_formats",
            "glance-api.conf:3: [DEFAULT] logfile is the old name of [DEFAULT] log_file",
        ]
    );
}

#[test]
fn an_old_name_in_a_later_file_beats_the_new_one_before() {
    let folder = Folder::new();
    let first = folder.write("a.conf", "[image_format]\ndisk_formats = raw\n[glance_rs]\ndata_dir = /d\n");
    let second = folder.write("b.conf", "[DEFAULT]\ndisk_formats = iso\n");
    let loaded = folder.load(&[file(first), file(second)]).unwrap();
    assert_eq!(loaded.settings.image_format.disk_formats, ["iso"]);
}

#[test]
fn section_names_ignore_case_except_default() {
    assert!(settings("[Oslo_Middleware]\nenable_proxy_headers_parsing = true").proxy_headers.enabled);
    let text = "[default]\ndebug = true";
    assert!(!settings(text).logging.debug);
    assert!(warnings(text)[0].contains("spelled [DEFAULT]"));
}

#[test]
fn values_of_the_wrong_type_are_all_named_at_once() {
    assert_eq!(
        problems("[DEFAULT]\nbind_port = 70000\ndebug = maybe\napi_limit_max = 0x10\nimage_size_cap = 0"),
        [
            "glance-api.conf:2: [DEFAULT] bind_port must be at most 65535",
            "glance-api.conf:4: [DEFAULT] api_limit_max must be a whole decimal number",
            "glance-api.conf:5: [DEFAULT] image_size_cap must be at least 1",
            "glance-api.conf:3: [DEFAULT] debug must be true or false (also yes/no, on/off, 1/0)",
        ]
    );
}

#[test]
fn no_message_repeats_a_secret() {
    let text = "[DEFAULT]\ntransport_url = hunter2$nobody\nmetadata_encryption_key = hunter2\n\
                [keystone_authtoken]\npassword = hunter2$nobody\n[database]\n\
                connection = mysql://u:hunter2@h/g";
    let error = read(text).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("transport_url") && shown.contains("metadata_encryption_key"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn settings_do_not_print_secrets() {
    let read = settings(
        "[DEFAULT]\nenabled_backends = a:s3\n[glance_store]\ndefault_backend = a\n\
         [a]\ns3_store_secret_key = hunter2\ns3_store_access_key = hunter2\ns3_store_host = http://h\n\
         s3_store_bucket = b",
    );
    assert!(!format!("{read:?} {}", read.summary()).contains("hunter2"));
}
