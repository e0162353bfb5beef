//! `glance-server policy`, by what it prints.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a configuration and policy files.
struct Folder(TempDir);

impl Folder {
    fn new(policy: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder
            .write("glance-api.conf", "[database]\nconnection = sqlite://\n[glance_rs]\nauth_mode = trusted_headers\n");
        folder.write("policy.yaml", policy);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The exit code, what was printed, and the errors; the folder is called `FOLDER`.
    fn run(&self, line: &str) -> (i32, String, String) {
        let folder = self.0.path().display().to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_glance-server"))
            .args(["policy", "--config-file", self.path("glance-api.conf").to_str().unwrap()])
            .args(line.split_whitespace().map(|word| word.replace("FOLDER", &folder)))
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&folder, "FOLDER");
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn printed(&self, line: &str, code: i32) -> String {
        let (exit, out, err) = self.run(line);
        assert_eq!(exit, code, "{line}: {out}{err}");
        out
    }

    fn json(&self, line: &str, code: i32) -> Value {
        serde_json::from_str(&self.printed(&format!("{line} --json"), code)).unwrap()
    }
}

#[test]
fn who_may_do_what_is_said_with_the_reason() {
    let folder = Folder::new("# ours\nget_image: role:auditor or role:reader and project_id:%(owner)s\n");
    for (line, code, expected) in [
        ("--roles admin --rule copy_image", 0, "copy_image  allowed  rule:context_is_admin is role:admin  (default)"),
        ("--roles reader --rule copy_image", 3, "denied   rule:context_is_admin is role:admin  (default)"),
        ("--roles auditor --rule get_image", 0, "allowed  role:auditor  (FOLDER/policy.yaml:2)"),
        ("--roles reader --project p1 --rule get_image", 0, "allowed  role:reader and project_id:%(owner)s"),
        ("--roles reader --project p1 --owner p2 --rule get_image", 3, "denied "),
        ("--roles member --project p1 --rule delete_image", 0, "allowed  role:member and project_id"),
        ("--roles member --project p1 --owner= --rule delete_image", 3, "denied "),
        ("--roles member --project p2 --owner p1 --visibility public --rule download_image", 0, "allowed "),
        ("--roles member --project p2 --owner p1 --visibility private --rule download_image", 3, "denied "),
        ("--roles member --project p2 --owner p1 --member p2 --rule modify_member", 0, "allowed "),
        ("--roles reader --project p2 --owner p1 --rule get_images", 0, "allowed "),
        ("--roles admin --scope system --rule copy_image", 3, "the rule is not for tokens of this scope"),
        ("--roles member --project p1 --rule delete_image --rule publicize_image", 3, "publicize_image  denied "),
    ] {
        let printed = folder.printed(&format!("check {line}"), code);
        assert!(printed.contains(expected), "{line}: {printed}");
    }
    let all = folder.json("check --all --roles reader --project p1", 3);
    assert_eq!(all["rules"].as_array().unwrap().len(), 67);
    let head = folder.printed("check --rule get_image --roles a,b --image x=y", 3);
    assert!(head.starts_with(
        "caller: user user, project none, roles a, b, scope project\nimage: owner none, visibility shared, x y\n"
    ));
}

#[test]
fn a_rule_that_does_not_exist_is_an_error() {
    let folder = Folder::new("");
    let (code, out, error) = folder.run("check --rule get_imags");
    assert_eq!(
        (code, out.as_str(), error.as_str()),
        (1, "", "error: there is no rule get_imags; did you mean get_image?\n")
    );
    assert_eq!(folder.run("check").0, 2);
    assert_eq!(folder.run("check --rule get_image --all").0, 2);
}

#[test]
fn rules_are_listed_with_where_they_stand_and_what_is_wrong() {
    let folder = Folder::new("get_image: role:x\ncopy_image: rule:context_is_admin\nget_imags: '@'\nalias: (\n");
    fs::create_dir(folder.path("policy.d")).unwrap();
    folder.write("policy.d/more.yaml", "---\n# later ones count\n\nget_image: rule:alias or https://me:secret@h/\n");
    let printed = folder.printed("list", 0);
    for line in [
        "get_image: rule:alias or https://***@h/\n    overridden at FOLDER/policy.d/more.yaml:4\n",
        "copy_image: rule:context_is_admin\n    as the default at FOLDER/policy.yaml:2\n",
        "delete_image: rule:context_is_admin or (role:member and project_id:%(project_id)s)\n    default\n",
        "alias: !\n    custom at FOLDER/policy.yaml:4\n",
        "warning: FOLDER/policy.yaml:4: policy rule alias is always false: it does not follow the policy language at word 2\n",
        "warning: FOLDER/policy.d/more.yaml:4: policy rule get_image asks another server",
        "warning: FOLDER/policy.yaml:3: policy rule get_imags is none that the Image API asks for, and no rule of these files refers to it; \
         did you mean get_image?\n",
    ] {
        assert!(printed.contains(line), "{line}{printed}");
    }
    let json = folder.json("list --overridden", 0);
    let names: Vec<_> = json["rules"].as_array().unwrap().iter().map(|rule| rule["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["alias", "copy_image", "get_image", "get_imags"]);
    assert_eq!(json["warnings"].as_array().unwrap().len(), 3);
    folder.write("policy.yaml", "- no map");
    let (code, _, error) = folder.run("list");
    assert!(code == 1 && error.contains("FOLDER/policy.yaml: line 1: not a map of rules"), "{error}");
}

#[test]
fn a_rule_is_explained_check_by_check() {
    let folder = Folder::new("get_image: role:x and not project_id:%(owner)s or rule:context_is_admin\n");
    let printed = folder.printed("explain get_image --roles x --project p1", 0);
    assert_eq!(
        printed.split_once('\n').unwrap().1,
        "image: owner p1, visibility shared\n\
         get_image is denied: (role:x and not project_id:%(owner)s) or rule:context_is_admin  (FOLDER/policy.yaml:1)\n  \
           no        or\n    \
             no        and\n      \
               yes       role:x: the caller has x\n      \
               no        not\n        \
                 yes       project_id:%(owner)s: the caller has p1, the target p1\n    \
             no        rule:context_is_admin\n      \
               no        role:admin: the caller has x\n"
    );
    let json = folder.json("explain get_image --roles admin", 0);
    assert_eq!((&json["allowed"], &json["tree"]["outcome"]), (&true.into(), &"yes".into()));
    let json = folder.json("explain delete_image --roles admin", 0);
    assert_eq!(json["tree"]["inner"][1]["needed"], false);
}

#[test]
fn two_files_are_compared_by_what_they_mean() {
    let folder = Folder::new("");
    folder.write("a.yaml", "get_image: role:x OR (role:y)\ndelete_image: rule:mine\nmine: role:m\n");
    folder.write(
        "b.yaml",
        "\"get_image\": \"role:X or role:y\"\ndelete_image: rule:mine\nmine: role:n\ncopy_image: ''\n",
    );
    let printed = folder.printed("diff FOLDER/a.yaml FOLDER/b.yaml", 3);
    assert_eq!(
        printed,
        "copy_image:\n  - rule:context_is_admin\n  + @\n\
         delete_image:\n  = rule:mine\n    by rule:mine\n\
         mine:\n  - role:m\n  + role:n\n"
    );
    assert_eq!(folder.printed("diff FOLDER/a.yaml FOLDER/a.yaml", 0), "");
    let json = folder.json("diff FOLDER/a.yaml --default", 3);
    let names: Vec<_> = json["differences"].as_array().unwrap().iter().map(|found| &found["name"]).collect();
    assert_eq!(names, ["delete_image", "get_image", "mine"]);
    // What a file leaves out comes with its deprecated default.
    folder.write("empty.yaml", "");
    folder.write("new.yaml", "cache_list: rule:context_is_admin\n");
    assert_eq!(folder.printed("diff FOLDER/empty.yaml FOLDER/new.yaml", 0), "");
    let printed = folder.printed("diff --legacy FOLDER/empty.yaml FOLDER/new.yaml", 3);
    assert_eq!(
        printed,
        "cache_list:\n  - rule:context_is_admin or rule:manage_image_cache\n  + rule:context_is_admin\n"
    );
    assert_eq!(folder.run("diff FOLDER/a.yaml").0, 2);
    assert_eq!(folder.run("diff FOLDER/a.yaml FOLDER/nowhere").0, 1);
}
