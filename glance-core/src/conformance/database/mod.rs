//! What every [`Database`] has to do: [`database_conformance!`](crate::database_conformance).
//!
//! Times are whole seconds and texts differ in more than case, because some engines keep no more.

mod changes;
mod destruction;
mod filters;
mod images;
mod journal;
mod limits;
mod locations;
mod members;
mod model;
mod paging;
mod quota;
mod random;
mod registration;
mod visibility;

pub use changes::*;
pub use destruction::*;
pub use filters::*;
pub use images::*;
pub use journal::*;
pub use limits::*;
pub use locations::*;
pub use members::*;
pub use model::{Known, listed};
pub use paging::*;
pub use quota::*;
pub use random::*;
pub use registration::*;
pub use visibility::*;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::database::{Database, Direction, ImageQuery, Removal, SortKey, Viewer, VisibilityFilter};
use crate::image::{Image, ImageChange, ImageId, Status};
use crate::limits::ProjectLimits;
use crate::location::{ImageLocation, Location};

/// Makes a test of each case of the suite.
///
/// Takes an expression that can be called as `|| (guard, database)`, once for each case: an empty
/// database in an `Arc`, and whatever has to live as long as it does. It is called inside a `tokio`
/// runtime.
///
/// ```
/// # use std::sync::Arc;
/// # use glance_core::memory::MemoryDatabase;
/// mod suite {
///     # use std::sync::Arc;
///     # use glance_core::memory::MemoryDatabase;
///     glance_core::database_conformance!(|| ((), Arc::new(MemoryDatabase::new())));
/// }
/// ```
#[macro_export]
macro_rules! database_conformance {
    ($make:expr) => {
        $crate::database_conformance! { @tests $make;
            every_field_is_read_back
            a_bare_image_is_read_back
            what_is_created_is_returned_as_it_is_read
            odd_texts_are_read_back
            tags_keep_their_order
            an_unknown_image_is_not_found
            a_used_id_is_refused
            of_creations_at_once_one_wins
            every_field_can_be_given_and_taken_away
            a_change_moves_the_time_and_nothing_it_does_not_name
            an_image_with_another_status_is_left_alone
            a_change_to_what_is_not_there_is_refused
            of_status_moves_at_once_one_wins
            what_several_add_at_once_all_stays
            a_removed_property_comes_back_clean
            a_property_may_be_null
            a_removed_tag_comes_back_at_the_end
            adding_twice_and_removing_nothing_are_no_errors
            locations_are_added_in_order
            a_location_is_removed_by_its_row
            metadata_of_one_location_changes
            rows_of_other_images_are_not_touched
            the_last_location_stays
            of_removals_of_the_last_two_locations_one_wins
            a_change_of_status_may_take_all_locations
            a_new_member_is_pending
            members_are_listed_oldest_first
            a_member_is_added_once
            of_additions_of_one_member_one_wins
            the_limit_of_members_is_kept
            the_limit_of_members_is_kept_at_once
            a_member_answers
            a_removed_member_comes_back_pending_with_its_first_time
            who_is_no_member_is_not_found
            an_image_that_is_gone_gets_no_members
            membership_is_told_with_the_image
            every_viewer_lists_what_it_may_see
            who_has_no_project_owns_nothing_and_shares_nothing
            an_answer_decides_about_lists
            own_images_are_listed_whatever_the_answer
            sharing_ends_and_comes_back_with_the_visibility
            hidden_images_are_listed_alone
            killed_and_deleted_images_are_not_listed
            lists_tell_the_membership
            listed_images_are_whole
            text_filters_take_any_of_their_values
            number_filters_compare
            time_filters_compare
            an_absent_value_fulfils_no_filter
            property_filters_compare_the_living_value
            tags_must_all_be_there
            filters_are_joined_by_and
            a_filter_for_nothing_lists_nothing
            the_usual_order_breaks_ties_by_id
            absent_values_come_first_going_up
            every_order_pages_through_everything
            a_deleted_marker_still_marks
            a_page_of_nothing_is_empty
            a_full_last_page_is_followed_by_an_empty_one
            random_lists_agree_with_the_model
            a_destroyed_image_is_gone
            destruction_compares_the_status
            what_is_to_be_removed_is_noted_with_the_destruction
            delayed_destruction_notes_nothing
            removals_from_a_living_image_are_noted
            of_destructions_at_once_one_wins
            destruction_leaves_other_images_alone
            an_upload_begins_once
            an_upload_needs_the_status_it_expects
            of_uploads_at_once_one_begins
            a_refused_upload_leaves_nothing
            an_upload_ends_with_its_entry
            an_entry_ends_its_own_upload_alone
            an_upload_that_was_taken_over_cannot_end
            an_upload_to_a_deleted_image_cannot_go_on
            an_image_that_is_no_longer_saving_refuses_the_end
            leases_end_first_are_listed_first
            leases_are_renewed_by_process
            an_entry_is_taken_by_one
            a_renewed_entry_is_not_taken
            closing_what_is_not_there_succeeds
            a_registration_begins_once
            a_registration_ends_with_its_entry
            a_registration_goes_on_without_its_reservation
            an_entry_ends_its_own_registration_alone
            a_registration_that_was_taken_over_cannot_go_on
            a_registration_of_a_deleted_image_cannot_go_on
            a_registration_reserves_within_the_quota
            an_upload_remembers_where_it_goes
            readers_are_noted
            bytes_held_count_sizes_by_locations
            bytes_held_leave_out_what_is_gone
            reservations_count_until_the_upload_ends
            a_reservation_only_grows
            a_quota_is_kept_to_the_byte
            a_quota_is_never_passed_by_uploads_at_once
            a_quota_is_never_passed_by_reservations_at_once
            without_a_project_no_quota_counts
            usage_is_the_sum_of_what_images_count_for
            usage_leaves_out_what_is_over
            images_are_made_up_to_their_limit
            the_limit_of_images_is_kept_at_once
            uploads_begin_up_to_their_limit
            registrations_begin_up_to_the_limit_of_uploads
            locations_are_added_up_to_the_bytes_of_the_owner
            of_locations_added_at_once_as_many_as_fit_are
            an_image_is_given_to_an_owner_who_may_hold_it
            an_image_whose_data_is_on_its_way_stays_with_its_owner
            what_was_held_to_the_limits_of_another_owner_is_refused
            of_images_given_at_once_as_many_as_fit_are
        }
    };
    (@tests $make:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::conformance::run(async {
                    let (_guard, database) = ($make)();
                    $crate::conformance::database::$case(&*database).await;
                });
            }
        )*
    };
}

/// The moment so many seconds into the suite's time.
fn at(second: i64) -> Timestamp {
    Timestamp::constant(1_760_000_000, 0) + SignedDuration::from_secs(second)
}

/// An active image of `owner` that was made at `second`.
fn image_of(owner: &str, second: i64) -> Image {
    Image {
        status: Status::Active,
        owner: Some(owner.into()),
        disk_format: Some("raw".into()),
        container_format: Some("bare".into()),
        ..Image::queued(ImageId::random(), at(second))
    }
}

async fn created(db: &dyn Database, image: Image) -> Image {
    db.create_image(&image, &ProjectLimits::NONE).await.unwrap()
}

async fn read(db: &dyn Database, id: ImageId) -> Image {
    db.image(id, None).await.unwrap().image
}

/// Everything the viewer sees, newest first.
fn all_for(admin: bool, project: Option<&str>) -> ImageQuery {
    ImageQuery {
        viewer: Viewer { admin, project: project.map(str::to_owned) },
        visibility: VisibilityFilter::All,
        member_status: None,
        hidden: false,
        filters: Vec::new(),
        tags: Vec::new(),
        sort: vec![(SortKey::CreatedAt, Direction::Descending), (SortKey::Id, Direction::Descending)],
        marker: None,
        limit: 1000,
    }
}

async fn ids(db: &dyn Database, query: &ImageQuery) -> Vec<ImageId> {
    db.images(query).await.unwrap().into_iter().map(|seen| seen.image.id).collect()
}

fn touch(second: i64) -> ImageChange {
    ImageChange::touch(at(second))
}

fn location(name: &str) -> ImageLocation {
    let metadata: Map<String, Value> = [("store".to_owned(), Value::from("fast"))].into_iter().collect();
    ImageLocation::new(Location::new(format!("file:///data/{name}")), metadata)
}

/// A removal of data nowhere.
fn removal(status: Status, second: i64) -> Removal {
    Removal { status, locations: Vec::new(), process: "process".into(), lease_until: at(second + 60), at: at(second) }
}

async fn destroyed(db: &dyn Database, image: &Image) {
    db.destroy_image(image.id, image.status, &removal(Status::Deleted, 1000)).await.unwrap();
}

/// The names of all entries in the journal.
async fn entries(db: &dyn Database) -> Vec<Uuid> {
    db.journal(1000).await.unwrap().into_iter().map(|entry| entry.id).collect()
}
