//! The 67 rules the Image API asks, with their defaults: those of Glance 33.0.0.

/// One rule the Image API asks, and what it says unless a policy file says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultRule {
    /// The name, as policy files have it.
    pub name: &'static str,
    /// The rule, in the policy language.
    pub check: &'static str,
    /// The deprecated default, which also allows where new defaults are not enforced; `None` if the
    /// rule never had another.
    pub legacy: Option<&'static str>,
    /// Whether the rule refuses system- and domain-scoped tokens, whatever it says.
    pub project_scoped: bool,
}

const ADMIN: &str = "rule:context_is_admin";
const METADEF_ADMIN: &str = "rule:metadef_admin";
const SERVICE: &str = "rule:service_api";
const OWNER_MEMBER: &str = "rule:context_is_admin or (role:member and project_id:%(project_id)s)";
const OWNER_READER: &str = "rule:context_is_admin or (role:reader and project_id:%(project_id)s)";
const SEEING_READER: &str = "rule:context_is_admin or (role:reader and (project_id:%(project_id)s \
     or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s \
     or 'shared':%(visibility)s))";
const SEEING_MEMBER: &str = "rule:context_is_admin or (role:member and (project_id:%(project_id)s \
     or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s \
     or 'shared':%(visibility)s))";
const SHARING_READER: &str = "rule:context_is_admin or role:reader and (project_id:%(project_id)s \
     or project_id:%(member_id)s)";
const NAMESPACE_READER: &str = "rule:context_is_admin or (role:reader and (project_id:%(project_id)s \
     or 'public':%(visibility)s))";

const EVERYONE: Option<&str> = Some("rule:default");
const EVERYONE_METADEF: Option<&str> = Some("rule:metadef_default");
const CACHE_MANAGER: Option<&str> = Some("rule:manage_image_cache");

/// Every rule the Image API asks.
pub const DEFAULT_RULES: [DefaultRule; 67] = [
    helper("default", "", Some(ADMIN)),
    helper("context_is_admin", "role:admin", None),
    helper("service_api", "role:service or role:admin", None),
    // Images.
    rule(
        "add_image",
        "rule:context_is_admin or (role:member and project_id:%(project_id)s \
         and project_id:%(owner)s)",
        EVERYONE,
    ),
    rule("delete_image", OWNER_MEMBER, EVERYONE),
    rule("get_image", SEEING_READER, EVERYONE),
    rule("get_images", OWNER_READER, EVERYONE),
    rule("modify_image", OWNER_MEMBER, EVERYONE),
    rule("publicize_image", ADMIN, None),
    rule("communitize_image", OWNER_MEMBER, EVERYONE),
    rule("download_image", SEEING_MEMBER, EVERYONE),
    rule("download_from_store", SEEING_MEMBER, None),
    rule("upload_image", OWNER_MEMBER, EVERYONE),
    rule("delete_image_location", ADMIN, EVERYONE),
    rule("get_image_location", OWNER_READER, EVERYONE),
    rule("set_image_location", OWNER_MEMBER, EVERYONE),
    rule(
        "add_image_location",
        "rule:service_api or (role:member and project_id:%(project_id)s \
         and project_id:%(owner)s)",
        None,
    ),
    rule("fetch_image_location", SERVICE, None),
    rule("add_member", OWNER_MEMBER, EVERYONE),
    rule("delete_member", OWNER_MEMBER, EVERYONE),
    rule("get_member", SHARING_READER, EVERYONE),
    rule("get_members", SHARING_READER, EVERYONE),
    rule("modify_member", "rule:context_is_admin or (role:member and project_id:%(member_id)s)", EVERYONE),
    rule("manage_image_cache", ADMIN, None),
    rule("deactivate", OWNER_MEMBER, EVERYONE),
    rule("reactivate", OWNER_MEMBER, EVERYONE),
    rule("copy_image", ADMIN, None),
    rule("list_cached_nodes", ADMIN, None),
    // Tasks.
    rule("get_task", "rule:default", None),
    rule("get_tasks", "rule:default", None),
    rule("add_task", "rule:default", None),
    rule("modify_task", "rule:default", None),
    rule("tasks_api_access", ADMIN, None),
    // Metadata definitions.
    helper("metadef_default", "", None),
    helper("metadef_admin", ADMIN, None),
    rule("get_metadef_namespace", NAMESPACE_READER, EVERYONE_METADEF),
    rule("get_metadef_namespaces", OWNER_READER, EVERYONE_METADEF),
    rule("modify_metadef_namespace", METADEF_ADMIN, None),
    rule("add_metadef_namespace", METADEF_ADMIN, None),
    rule("delete_metadef_namespace", METADEF_ADMIN, None),
    rule("get_metadef_object", NAMESPACE_READER, EVERYONE_METADEF),
    rule("get_metadef_objects", NAMESPACE_READER, EVERYONE_METADEF),
    rule("modify_metadef_object", METADEF_ADMIN, None),
    rule("add_metadef_object", METADEF_ADMIN, None),
    rule("delete_metadef_object", METADEF_ADMIN, None),
    rule("list_metadef_resource_types", NAMESPACE_READER, EVERYONE_METADEF),
    rule("get_metadef_resource_type", NAMESPACE_READER, EVERYONE_METADEF),
    rule("add_metadef_resource_type_association", METADEF_ADMIN, None),
    rule("remove_metadef_resource_type_association", METADEF_ADMIN, None),
    rule("get_metadef_property", NAMESPACE_READER, EVERYONE_METADEF),
    rule("get_metadef_properties", NAMESPACE_READER, EVERYONE_METADEF),
    rule("modify_metadef_property", METADEF_ADMIN, None),
    rule("add_metadef_property", METADEF_ADMIN, None),
    rule("remove_metadef_property", METADEF_ADMIN, None),
    rule("get_metadef_tag", NAMESPACE_READER, EVERYONE_METADEF),
    rule("get_metadef_tags", NAMESPACE_READER, EVERYONE_METADEF),
    rule("modify_metadef_tag", METADEF_ADMIN, None),
    rule("add_metadef_tag", METADEF_ADMIN, None),
    rule("add_metadef_tags", METADEF_ADMIN, None),
    rule("delete_metadef_tag", METADEF_ADMIN, None),
    rule("delete_metadef_tags", METADEF_ADMIN, None),
    // Cache and stores.
    rule("cache_image", ADMIN, CACHE_MANAGER),
    rule("cache_list", ADMIN, CACHE_MANAGER),
    rule("cache_delete", ADMIN, CACHE_MANAGER),
    rule("cache_clean", ADMIN, None),
    rule("cache_prune", ADMIN, None),
    rule("stores_info_detail", "rule:context_is_admin or rule:service_api", Some(ADMIN)),
];

/// A rule of an API call.
const fn rule(name: &'static str, check: &'static str, legacy: Option<&'static str>) -> DefaultRule {
    DefaultRule { name, check, legacy, project_scoped: true }
}

/// A rule that others refer to, open to every scope.
const fn helper(name: &'static str, check: &'static str, legacy: Option<&'static str>) -> DefaultRule {
    DefaultRule { name, check, legacy, project_scoped: false }
}
