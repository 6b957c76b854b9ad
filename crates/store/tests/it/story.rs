//! One story in chapters, told on both engines: whatever holds on one holds on the other.

mod accepting;
mod access;
mod ending;
mod listing;
mod recording;
mod registry;
mod turns;

/// Tells chapters, each on a database of its own.
macro_rules! on_both_engines {
    ($($chapter:ident)+) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $chapter() {
                super::$chapter(crate::scene::Scene::on(crate::database::Database::sqlite()).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $chapter() {
                super::$chapter(crate::scene::Scene::on(crate::database::Database::postgres()).await).await;
            })+
        }
    };
}
use on_both_engines;
