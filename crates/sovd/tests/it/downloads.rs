//! Content up and down.
//! Redirects lead from one real server to another, or must not.

use std::io::Write;

use fleetwire_sovd::{
    Client, Content, Error, Fetched, HeaderName, HeaderValue, Http, Link, Transport, Upload, Url,
};
use futures_util::stream;

use crate::server::{Server, bare_entity, read_request, response};

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

fn map(client: &Client) -> Link {
    client.link("/v1/maps/1").unwrap()
}

async fn fetch(client: &Client) -> Result<Content, Error> {
    match client.download(&map(client)).await? {
        Fetched::Content(content) => Ok(content),
        Fetched::NotReady { .. } => panic!("not ready"),
    }
}

#[tokio::test]
async fn content_comes_with_its_kind_and_length() {
    let server = Server::http(|_| response(200, "content-type: image/x\r\n", "abcdef"));
    let content = fetch(&server.client()).await.unwrap();
    assert_eq!((content.kind(), content.length()), (Some("image/x"), Some(6)));
    assert_eq!(content.whole(6).await.unwrap(), b"abcdef");
    let error = fetch(&server.client()).await.unwrap().whole(5).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 5 }));
}

#[tokio::test]
async fn content_has_no_limit_while_it_flows() {
    let server = Server::http(|_| response(200, "", &"x".repeat(3_000_000)));
    let mut content = fetch(&server.client()).await.unwrap();
    let mut length = 0;
    while let Some(piece) = content.next().await {
        length += piece.unwrap().len();
    }
    assert_eq!(length, 3_000_000);
}

#[tokio::test]
async fn content_that_broke_off_is_truncated_and_ends() {
    let server = Server::raw(|mut stream| {
        read_request(&mut stream, 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc").unwrap();
    });
    let mut content = fetch(&server.client()).await.unwrap();
    assert_eq!(content.next().await.unwrap().unwrap().as_ref(), b"abc");
    assert!(matches!(content.next().await, Some(Err(Error::Truncated))));
    assert!(content.next().await.is_none());
}

#[tokio::test]
async fn content_that_is_not_ready_says_when_to_come_again() {
    for (header, seconds) in [("retry-after: 7\r\n", Some(7)), ("", None)] {
        let server = Server::http(move |_| response(202, header, ""));
        let client = server.client();
        let fetched = client.download(&map(&client)).await.unwrap();
        let Fetched::NotReady { retry_after } = fetched else { panic!("{fetched:?}") };
        assert_eq!(retry_after.map(|after| after.as_secs()), seconds);
    }
}

/// A server that sends whoever asks to `location`.
fn pointing(location: String) -> Server {
    Server::http(move |_| response(307, &format!("location: {location}\r\n"), ""))
}

fn tagged(client: &Client) -> Client {
    let tagged =
        client.with_header(HeaderName::from_static("x-order"), HeaderValue::from_static("7"));
    tagged.with_bearer("s3cret").unwrap()
}

#[tokio::test]
async fn a_download_is_followed_on_the_same_server_with_credentials() {
    let server = Server::http(|request| match request.line.as_str() {
        "GET /v1/maps/1" => response(307, "location: /v1/files/1\r\n", ""),
        _ => response(200, "", "abc"),
    });
    fetch(&tagged(&server.client())).await.unwrap();
    let asked = &server.seen()[1];
    assert_eq!(asked.line, "GET /v1/files/1");
    assert!(asked.head.contains("s3cret"));
}

#[tokio::test]
async fn a_download_is_not_followed_to_another_server_port_or_scheme() {
    let store = Server::http(|_| response(200, "", "abc"));
    let port = store.port;
    for location in [
        format!("http://127.0.0.1:{port}/files/1"),
        format!("http://localhost:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        "file:///etc/passwd".to_owned(),
        "ftp://127.0.0.1/x".to_owned(),
    ] {
        let error = fetch(&tagged(&pointing(location.clone()).client())).await.unwrap_err();
        assert_eq!(error.status(), Some(307), "{location}: {error:?}");
        assert!(error.to_string().contains("it leads to another server"), "{error}");
    }
    assert!(store.seen().is_empty());
}

#[tokio::test]
async fn a_download_that_leads_in_circles_is_refused() {
    let server = pointing("/v1/maps/1".to_owned());
    assert_eq!(fetch(&server.client()).await.unwrap_err().status(), Some(307));
    assert_eq!(server.seen().len(), 4);
    let astray = Server::http(|_| response(307, "", ""));
    assert_eq!(fetch(&astray.client()).await.unwrap_err().status(), Some(307));
}

#[tokio::test]
async fn nothing_but_a_307_is_followed_and_only_by_downloads_of_bulk_data() {
    for status in [301, 302, 303, 308] {
        let server = Server::http(move |_| response(status, "location: /v1/x\r\n", ""));
        assert_eq!(fetch(&server.client()).await.unwrap_err().status(), Some(status));
        assert_eq!(server.seen().len(), 1);
    }
    let server = pointing("/v1/x".to_owned());
    let client = server.client();
    let error = client.configuration_content(&map(&client), OCTETS).await.unwrap_err();
    assert_eq!(error.status(), Some(307));
}

#[tokio::test]
async fn through_a_unix_socket_no_download_leads_to_another_host() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sovd");
    let server = Server::unix(&path, |_| response(307, "location: http://198.51.100.7/x\r\n", ""));
    let transport = Transport { unix_socket: Some(path), ..Transport::default() };
    let base = Url::parse("http://localhost/v1").unwrap();
    let client = Client::new(base, Http::over(&transport).unwrap());
    let error = fetch(&client).await.unwrap_err();
    assert_eq!(error.status(), Some(307), "{error:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_upload_flows_with_its_length_and_name() {
    let server = Server::http(|_| response(201, "location: /v1/maps/9\r\n", ""));
    let client = server.client();
    let pieces = ["abc", "def"].map(|piece| Ok::<_, std::io::Error>(piece.as_bytes()));
    let upload = Upload::stream(OCTETS, 6, stream::iter(pieces)).named("a \"b\"ü.bin");
    let created = client.upload(&client.link("/v1/maps").unwrap(), upload).await.unwrap();
    assert_eq!((created.id.as_str(), created.href.to_string().as_str()), ("9", "/v1/maps/9"));
    let request = &server.seen()[0];
    assert_eq!((request.line.as_str(), request.body.as_str()), ("POST /v1/maps", "abcdef"));
    for header in [
        "content-length: 6\r\n",
        "content-type: application/octet-stream\r\n",
        "content-disposition: attachment; filename=\"a _b__.bin\"\r\n",
    ] {
        assert!(request.head.contains(header), "{}", request.head);
    }
    assert!(!request.head.contains("transfer-encoding"));
}

#[tokio::test]
async fn an_upload_that_ends_early_leaves_the_outcome_open() {
    let server = Server::http(|_| response(201, "", r#"{"id":"1"}"#));
    let client = server.client();
    let pieces = stream::iter([Ok::<_, std::io::Error>("abc")]);
    let upload = Upload::stream(OCTETS, 6, pieces);
    let error = client.upload(client.base(), upload).await.unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "{error:?}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_download_can_be_piped_into_an_upload() {
    let server = Server::http(|request| match request.line.as_str() {
        "GET /v1/maps/1" => response(200, "", "abcdef"),
        _ => response(201, "", r#"{"id":"2"}"#),
    });
    let client = server.client();
    let content = fetch(&client).await.unwrap();
    let upload = Upload::stream(OCTETS, content.length().unwrap(), content.into_stream());
    let created = client.upload(&client.link("/v1/maps").unwrap(), upload).await.unwrap();
    assert_eq!(created.href.to_string(), "/v1/maps/2");
    assert_eq!(server.seen()[1].body, "abcdef");
}

#[tokio::test]
async fn bulk_data_is_listed_by_category_and_time() {
    let bulk = "/v1/components/ecu/bulk-data";
    let items = r#"{"items":[{"id":"1","mimetype":"image/x","size":7,"hash":"ff",
        "hash_algorithm":"sha256","creation_date":"2026-01-01T00:00:00Z"},{"id":"2"}]}"#;
    let server = Server::json(&[
        (
            "GET /v1/components/ecu",
            200,
            r#"{"id":"ecu","bulk-data":"/v1/components/ecu/bulk-data"}"#,
        ),
        (&format!("GET {bulk}"), 200, r#"{"items":["maps","a b"]}"#),
        (&format!("GET {bulk}/maps?created-before=B&created-after=A"), 200, items),
        (&format!("DELETE {bulk}/maps/1"), 204, ""),
        (
            &format!("DELETE {bulk}/maps"),
            200,
            r#"{"deleted_ids":["1"],"errors":[{"id":"2","error":{"error_code":"x","message":"busy"}}]}"#,
        ),
    ]);
    let client = server.client();
    let ecu = bare_entity(&client, "/v1/components/ecu").await;
    let categories = client.bulk_categories(&ecu).await.unwrap();
    assert_eq!(categories[1].href.to_string(), format!("{bulk}/a%20b"));
    let maps = &categories[0].href;
    let files = client.bulk_items(maps).created_before("B").created_after("A").await.unwrap();
    assert_eq!((files[0].size, files[0].hash_algorithm.as_deref()), (Some(7), Some("sha256")));
    assert_eq!((files[1].size, files[1].kind.as_deref()), (None, None));
    client.delete_bulk_item(&files[0].href).await.unwrap();
    let deleted = client.delete_bulk_category(maps).await.unwrap();
    assert_eq!(deleted.ids, ["1"]);
    assert_eq!((deleted.errors[0].0.as_str(), deleted.errors[0].1.message.as_str()), ("2", "busy"));
}
