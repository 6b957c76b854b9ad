//! One story in chapters, told on both engines and on tables in partitions: whatever holds on one
//! holds on the others.

mod accepting;
mod access;
mod approving;
mod chaining;
mod counting;
mod discovering;
mod ending;
mod hearing;
mod listing;
mod nodes;
mod recording;
mod registry;
mod sharing;
mod tokens;
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
        mod partitioned {
            $(#[tokio::test]
            async fn $chapter() {
                let database = crate::partitions::partitioned().await;
                super::$chapter(crate::scene::Scene::on(database).await).await;
            })+
        }
    };
}
use on_both_engines;
