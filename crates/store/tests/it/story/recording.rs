//! Recording: parts once and in order, from the present owner only, read back page by page.

use super::on_both_engines;
use crate::scene::{EVERYTHING, Scene, json, part};
use fleetwire_store::Page;
use model::command::{Input, Phase, Refused, Risk};
use model::event::Kind;
use model::id::{CommandId, ResponseId};

on_both_engines! {
    parts_are_stored_once_and_in_order
    a_former_owner_is_held_off_by_the_fence
    a_payload_is_kept_to_the_letter
    pages_are_limited_in_events_and_in_bytes
    heads_tell_where_logs_end
}

async fn parts_are_stored_once_and_in_order(scene: Scene) {
    let command = scene.runs(scene.draft(Risk::R0)).await;
    let applied = scene.hears(&command, vec![part(1, false), part(1, false), part(2, false)]).await;
    assert_eq!((applied.events.len(), applied.refused), (2, None));
    let repeated = scene.hears(&command, vec![part(2, false)]).await;
    assert_eq!((repeated.events.len(), repeated.refused), (0, None));
    let hole = scene.hears(&command, vec![part(3, false), part(5, false), part(4, false)]).await;
    assert_eq!((hole.events.len(), hole.refused), (1, Some(Refused::Hole)));
    let last = scene.hears(&command, vec![part(4, true)]).await;
    assert_eq!(last.command.phase(), Phase::Completed);
    let late = scene.hears(&command, vec![part(5, true)]).await;
    assert_eq!(late.refused, Some(Refused::Ended));
    let log = scene.log(command.order.command_id).await;
    assert!(log.iter().map(|event| event.offset).eq(1..=8));
    assert!(log.iter().filter_map(|event| event.sequence_number).eq(1..=4));
    assert_eq!(log[7].kind, Kind::End);
}

async fn a_former_owner_is_held_off_by_the_fence(scene: Scene) {
    let first = scene.runs(scene.draft(Risk::R0)).await;
    scene.hears(&first, vec![Input::Lost]).await;
    let [second] = &scene.claims().await[..] else { panic!("the read goes again") };
    assert_eq!((second.command.fence, second.command.attempt), (2, 2));
    let zombie = scene.hears(&first, vec![part(1, true)]).await;
    assert_eq!((zombie.events.len(), zombie.refused), (0, Some(Refused::Fenced)));
    let owner = scene.hears(&second.command, vec![part(1, true)]).await;
    assert_eq!(owner.command.phase(), Phase::Completed);
    let nobody = scene.store.apply(CommandId::new(), Some(1), vec![Input::Lost], None).await;
    assert!(nobody.unwrap().is_none());
}

async fn a_payload_is_kept_to_the_letter(scene: Scene) {
    let odd = r#"{"z":1.0,"a":"\u0000 ü","z":12345678901234567890,  "deep":[[[]]]}"#;
    let command = scene.runs(scene.draft(Risk::R0)).await;
    let payload = json(odd);
    let said = Input::Part { part: 1, is_final: true, response_id: ResponseId::new(), payload };
    let applied = scene.hears(&command, vec![said]).await;
    let log = scene.log(command.order.command_id).await;
    assert!(log[3].frame.contains(odd));
    assert_eq!(log[3..], applied.events[..]);
}

async fn pages_are_limited_in_events_and_in_bytes(scene: Scene) {
    let command = scene.runs(scene.draft(Risk::R0)).await;
    scene.hears(&command, (1..=20).map(|number| part(number, false)).collect()).await;
    let id = command.order.command_id;
    let log = scene.log(id).await;
    assert_eq!(log.len(), 23);
    for page in [Page { events: 4, ..EVERYTHING }, Page { bytes: 1000, ..EVERYTHING }] {
        let mut paged = Vec::new();
        while paged.len() < log.len() {
            let next = read(&scene, id, paged.len() as u64, page).await;
            assert!(!next.is_empty() && next.len() <= 5, "{} events", next.len());
            paged.extend(next);
        }
        assert_eq!(paged, log);
    }
    assert_eq!(read(&scene, id, 2, Page { bytes: 1, ..EVERYTHING }).await, log[2..3]);
    assert!(read(&scene, id, 23, EVERYTHING).await.is_empty());
    assert!(read(&scene, id, u64::MAX, EVERYTHING).await.is_empty());
}

async fn read(scene: &Scene, id: CommandId, after: u64, page: Page) -> Vec<model::event::Event> {
    scene.store.events_after(id, after, page).await.unwrap()
}

async fn heads_tell_where_logs_end(scene: Scene) {
    let ended = scene.runs(scene.draft(Risk::R0)).await.order.command_id;
    scene.cancels(ended).await;
    let waiting = scene.accepts(scene.draft(Risk::R0)).await;
    let gone = scene.accepts(scene.draft(Risk::R0)).await;
    scene.cancels(gone).await;
    let asked = [ended, waiting, gone, CommandId::new()];
    let mut heads = scene.store.heads(&asked).await.unwrap();
    heads.sort_by_key(|head| head.command_id);
    let told: Vec<_> =
        heads.iter().map(|head| (head.command_id, head.offset, head.phase.is_terminal())).collect();
    let mut expected = [(ended, 4, false), (waiting, 1, false), (gone, 3, true)];
    expected.sort_unstable();
    assert_eq!(told, expected);
    assert!(scene.store.heads(&[]).await.unwrap().is_empty());
}
