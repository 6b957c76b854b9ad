//! Bulk data of an entity: descriptors, downloads, uploads.
//!
//! Holds no content in memory, whatever its size; ranges are not offered.

use std::io;

use aws_lc_rs::digest::{Context, SHA256};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::{At, Query, listed, located, text_of};
use crate::clock::Moment;
use crate::entity::bulk::{BulkPlan, Download, Generated, Upload, hexadecimal};
use crate::refusal::Refusal;

const MAX_UPLOAD_BYTES: usize = 256 * 1024 * 1024;
const MAX_NAME_BYTES: usize = 128;

/// Lists the categories.
pub(super) async fn categories(at: At) -> Json<Value> {
    listed(names(&at).into_iter().map(Into::into))
}

/// Lists the items of a category, those of a time if that is asked for.
pub(super) async fn list(
    at: At,
    Path(category): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    exists(&at, &category)?;
    let query = Query::of(&uri)?;
    let (after, before) = (query.first("created-after"), query.first("created-before"));
    let memory = at.memory();
    let items = memory.bulk.items(&at.entity.plan.bulk, &category).map(|plan| delivered(&at, plan));
    let uploads = memory.bulk.uploads(&category).map(|(id, upload)| brought(&at, id, upload));
    // All times are written alike, so that they sort as text.
    let created = |item: &Value| {
        let at = item.get("creation_date").and_then(Value::as_str).unwrap_or_default();
        after.is_none_or(|after| at > after) && before.is_none_or(|before| at < before)
    };
    Ok(listed(items.chain(uploads).filter(created)))
}

/// Takes an upload: counts it and computes its digest.
pub(super) async fn upload(
    at: At,
    Path(category): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    exists(&at, &category)?;
    let (head, body) = request.into_parts();
    let (size, sha256) = digest(body).await?;
    let upload = Upload {
        category: category.clone(),
        name: name(&head.headers),
        mimetype: mimetype(&head.headers),
        size,
        sha256,
        at: at.vehicle.clock.now(),
    };
    let id = at.memory().bulk.bring(upload)?;
    let location = at.href(&format!("bulk-data/{category}/{id}"));
    Ok(located(StatusCode::CREATED, location, json!({"id": id})))
}

/// Sends an item, or says when or where it is to be had.
pub(super) async fn download(
    at: At,
    Path((category, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    exists(&at, &category)?;
    let found = at.memory().bulk.download(&at.entity.plan.bulk, &category, &id, at.now)?;
    Ok(match found {
        Download::Content(content) => sent(content),
        Download::NotYet { retry_after_s } => {
            (StatusCode::ACCEPTED, [(header::RETRY_AFTER, retry_after_s.to_string())])
                .into_response()
        }
        Download::Elsewhere(path) => {
            let location = at.href(&format!("bulk-data/{path}"));
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response()
        }
    })
}

/// Deletes an item.
pub(super) async fn delete(
    at: At,
    Path((category, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    exists(&at, &category)?;
    at.memory().bulk.delete(&at.entity.plan.bulk, &category, &id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes what can be deleted of a category.
pub(super) async fn delete_all(
    at: At,
    Path(category): Path<String>,
) -> Result<Json<Value>, Refusal> {
    exists(&at, &category)?;
    let plans = &at.entity.plan.bulk;
    let mut memory = at.memory();
    let ids: Vec<String> = {
        let items = memory.bulk.items(plans, &category).map(|plan| plan.id.clone());
        items.chain(memory.bulk.uploads(&category).map(|(id, _)| id.to_owned())).collect()
    };
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for id in ids {
        match memory.bulk.delete(plans, &category, &id) {
            Ok(()) => deleted.push(id),
            Err(refusal) => errors.push(json!({"id": id, "error": refusal.body()})),
        }
    }
    Ok(Json(json!({"deleted_ids": deleted, "errors": errors})))
}

fn names(at: &At) -> Vec<&str> {
    let mut names: Vec<&str> =
        at.entity.plan.bulk.iter().map(|plan| plan.category.as_str()).collect();
    names.dedup();
    names
}

fn exists(at: &At, category: &str) -> Result<(), Refusal> {
    if names(at).contains(&category) { Ok(()) } else { Err(Refusal::NoSuchPath) }
}

fn delivered(at: &At, plan: &BulkPlan) -> Value {
    json!({"id": plan.id, "mimetype": plan.mimetype, "name": plan.name, "size": plan.size,
        "creation_date": at.utc(Moment::default()), "hash": plan.sha256,
        "hash_algorithm": "SHA-256"})
}

fn brought(at: &At, id: &str, upload: &Upload) -> Value {
    json!({"id": id, "mimetype": upload.mimetype, "name": upload.name, "size": upload.size,
        "creation_date": at.utc(upload.at), "hash": upload.sha256, "hash_algorithm": "SHA-256"})
}

fn sent(content: Generated) -> Response {
    let length = HeaderValue::from(content.size);
    let mimetype = HeaderValue::from_str(&content.mimetype);
    let blocks = stream::iter(content.map(Ok::<_, io::Error>));
    let mut response = Body::from_stream(blocks).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, length);
    response.headers_mut().extend(mimetype.ok().map(|it| (header::CONTENT_TYPE, it)));
    response
}

/// Size and SHA-256 of a body that is read and let go.
async fn digest(body: Body) -> Result<(u64, String), Refusal> {
    let unreadable = || Refusal::Unreadable { limit: MAX_UPLOAD_BYTES };
    let (mut digest, mut size) = (Context::new(&SHA256), 0);
    let mut blocks = body.into_data_stream();
    while let Some(block) = blocks.next().await {
        let block = block.map_err(|_| unreadable())?;
        size += block.len();
        if size > MAX_UPLOAD_BYTES {
            return Err(unreadable());
        }
        digest.update(&block);
    }
    Ok((size as u64, hexadecimal(digest.finish().as_ref())))
}

/// The file name of the `Content-Disposition`.
fn name(headers: &HeaderMap) -> Option<String> {
    let disposition = text_of(headers, header::CONTENT_DISPOSITION)?;
    let (_, name) = disposition.split_once("filename=")?;
    let name = name.split(';').next()?.trim().trim_matches('"');
    Some(name.chars().take(MAX_NAME_BYTES).collect())
}

fn mimetype(headers: &HeaderMap) -> String {
    let sent = text_of(headers, header::CONTENT_TYPE).unwrap_or("application/octet-stream");
    sent.chars().take(MAX_NAME_BYTES).collect()
}
