-- What we keep beside Glance's tables. Nothing here changes what the Python programs read or write.
-- The indexes can be dropped: they are made again at the next start.

-- Data on its way into a store or out of it, or registered where it lies. No foreign key: an entry outlives the purge of its image.
CREATE TABLE IF NOT EXISTS glance_rs_journal (
    id VARCHAR(36) NOT NULL,
    work VARCHAR(16) NOT NULL,
    image_id VARCHAR(36) NOT NULL,
    store VARCHAR(255),
    location TEXT,
    project VARCHAR(255),
    reserved BIGINT NOT NULL,
    process VARCHAR(255) NOT NULL,
    lease_until DATETIME NOT NULL,
    PRIMARY KEY (id),
    CHECK (work IN ('upload', 'registration', 'removal', 'readers'))
);
CREATE INDEX IF NOT EXISTS glance_rs_journal_by_lease ON glance_rs_journal (lease_until);
CREATE INDEX IF NOT EXISTS glance_rs_journal_by_process ON glance_rs_journal (process);
CREATE INDEX IF NOT EXISTS glance_rs_journal_by_project ON glance_rs_journal (project, reserved);

-- A list in its usual order walks one of these from the marker on and stops when the page is full.
CREATE INDEX IF NOT EXISTS glance_rs_images_by_visibility
    ON images (visibility, os_hidden, created_at, id, status) WHERE deleted = 0;
CREATE INDEX IF NOT EXISTS glance_rs_images_by_owner
    ON images (owner, visibility, os_hidden, created_at, id, status) WHERE deleted = 0;
CREATE INDEX IF NOT EXISTS glance_rs_members_by_project
    ON image_members (member, status, image_id) WHERE deleted = 0;

-- Filters that few images pass are looked up here instead.
CREATE INDEX IF NOT EXISTS glance_rs_images_by_name ON images (name) WHERE deleted = 0;
CREATE INDEX IF NOT EXISTS glance_rs_tags_by_value ON image_tags (value, image_id) WHERE deleted = 0;
CREATE INDEX IF NOT EXISTS glance_rs_properties_by_value ON image_properties (name, value) WHERE deleted = 0;

-- What belongs to an image now, without what it once had.
CREATE INDEX IF NOT EXISTS glance_rs_properties_of_image ON image_properties (image_id) WHERE deleted = 0;
CREATE INDEX IF NOT EXISTS glance_rs_tags_of_image ON image_tags (image_id) WHERE deleted = 0;
CREATE INDEX IF NOT EXISTS glance_rs_locations_of_image ON image_locations (image_id) WHERE deleted = 0;

-- A list of namespaces by age or by name walks one of these; Glance's own indexes know names and owners alone.
CREATE INDEX IF NOT EXISTS glance_rs_metadef_namespaces_by_age ON metadef_namespaces (created_at, id);
CREATE INDEX IF NOT EXISTS glance_rs_metadef_namespaces_by_visibility
    ON metadef_namespaces (visibility, created_at, id);
CREATE INDEX IF NOT EXISTS glance_rs_metadef_namespaces_by_owner
    ON metadef_namespaces (owner, visibility, created_at, id);
CREATE INDEX IF NOT EXISTS glance_rs_metadef_namespaces_by_visibility_and_name
    ON metadef_namespaces (visibility, namespace, created_at, id);
CREATE INDEX IF NOT EXISTS glance_rs_metadef_namespaces_by_owner_and_name
    ON metadef_namespaces (owner, visibility, namespace, created_at, id);
