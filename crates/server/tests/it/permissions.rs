//! Who may ask what: every route says so, every role is held to it, and the page tells the same.

use crate::openapi::operations;
use model::user::{Action, Role};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{env, fs};
use testkit::{Client, PASSWORD, Platform};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operate/security.md");
const BEGIN: &str = "<!-- made from the routes and the model -->\n";
const END: &str = "<!-- end -->";
const NO_ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
/// What anybody who is logged in may ask.
const LOGIN: &str = "login";
/// Routes of another kind: sockets, which check by themselves, the pages
/// about the interface, and those that lead a browser to another provider and back.
const UNDESCRIBED: [&str; 11] = [
    r#".route("/ws", get(socket::all))"#,
    r#".route("/ws/responses/{command_id}", get(socket::responses))"#,
    r#".route("/", get(page))"#,
    ".route(path, get(file))",
    r#".route("/docs", get("#,
    ".route(PAGE, get(",
    r#""/docs/{file}","#,
    r#".route("/openapi.json", get("#,
    r#".route("/asyncapi.json", get("#,
    ".route(START, get(start))",
    ".route(CALLBACK, get(callback))",
];

/// A private route, and what it takes.
struct Route {
    method: String,
    path: String,
    permission: String,
}

fn private() -> Vec<Route> {
    let private = operations().into_iter().filter(|(.., it)| it["security"] != json!([{}]));
    let route = |(method, path, it): (String, String, Value)| {
        let permission = it["x-permission"].as_str().map(ToOwned::to_owned);
        let permission = permission.unwrap_or_else(|| panic!("{method} {path}: who may ask that?"));
        Route { method, path, permission }
    };
    private.map(route).collect()
}

impl Route {
    fn is_for(&self, role: Role) -> bool {
        self.permission == LOGIN || role.may(Action::from_word(&self.permission).unwrap())
    }

    /// Whether whoever asks is logged in no more.
    fn ends_the_login(&self) -> bool {
        let name = format!("{} {}", self.method, self.path);
        ["POST /api/v1/auth/logout", "DELETE /api/v1/sessions"].contains(&name.as_str())
    }

    /// With ids of nothing; what everybody may ask is asked of oneself.
    fn filled(&self, own_id: &str) -> String {
        let own = if self.permission == LOGIN { own_id } else { NO_ID };
        let fill = |segment: &str| match segment {
            "{user_id}" => own.to_owned(),
            segment if segment.starts_with('{') => NO_ID.to_owned(),
            segment => segment.to_owned(),
        };
        self.path.split('/').map(fill).collect::<Vec<_>>().join("/")
    }

    /// A body that comes as far as to the permission.
    fn body(&self, p: &Platform) -> Option<Value> {
        let noun = self.path.trim_start_matches("/api/v1/").split('/').next_back().unwrap();
        let body = match (self.method.as_str(), noun) {
            ("POST", "commands") => json!({
                "vehicle_id": p.vehicle().vehicle_id, "command_name": "ReadDTC",
                "command_params": { "ecuAddress": "0x10" },
            }),
            ("POST", "vehicles") => {
                json!({ "vin": "WVWZZZ1JZXW000009", "fleet_id": NO_ID, "sovd_url": "http://192.0.2.1" })
            }
            ("POST" | "PATCH", "fleets" | "{fleet_id}") => json!({ "name": NO_ID }),
            ("POST", "users") => json!({ "username": "x", "password": "x", "role": "viewer" }),
            ("POST", "approve") => json!({ "approval_hash": "00".repeat(32) }),
            ("POST", "deny") => json!({ "reason": "x" }),
            ("POST" | "PATCH" | "PUT", _) => json!({}),
            _ => return None,
        };
        Some(body)
    }
}

#[test]
fn every_route_declares_its_permission() {
    let routes = private();
    assert!(routes.len() > 30);
    for route in routes {
        let Route { method, path, permission } = route;
        let is_known = permission == LOGIN || Action::from_word(&permission).is_some();
        assert!(is_known, "{method} {path}: {permission}");
    }
    for (method, path, operation) in operations() {
        let is_public = operation["security"] == json!([{}]);
        assert!(!is_public || operation["x-permission"].is_null(), "{method} {path}");
    }
}

/// What the description does not know of is listed here, or it fails.
#[test]
fn no_route_comes_in_by_another_way() {
    let sources = [
        include_str!("../../src/http.rs"),
        include_str!("../../src/http/console.rs"),
        include_str!("../../src/http/manual.rs"),
        include_str!("../../src/http/oidc/doors.rs"),
    ];
    let ours = sources.map(|source| source.split("#[cfg(test)]").next().unwrap());
    let source = ours.concat();
    for route in UNDESCRIBED {
        assert_eq!(source.matches(route).count(), 1, "{route}");
    }
    assert_eq!(source.matches(".route(").count(), UNDESCRIBED.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_is_held_to_what_the_routes_declare() {
    let p = Platform::start().await;
    for role in Role::ALL {
        let who = p.user(role.word(), role, &[p.fleet_id()]).await;
        let me = who.get("/api/v1/auth/me").await.json;
        for route in private() {
            let asks = if route.ends_the_login() {
                Client::login(p.url(), role.word(), PASSWORD).await
            } else {
                who.clone()
            };
            // Asked last, or nobody would be left to ask the others.
            if route.method == "DELETE" && route.ends_the_login() {
                continue;
            }
            let (path, body) = (route.filled(me["user_id"].as_str().unwrap()), route.body(&p));
            let method = Method::from_bytes(route.method.as_bytes()).unwrap();
            let reply = asks.send(method, &path, body, &[]).await;
            let named = format!("{} for {}: {} {path}", reply.json, role.word(), route.method);
            assert_eq!(reply.status != StatusCode::FORBIDDEN, route.is_for(role), "{named}");
            assert_ne!(reply.status, StatusCode::UNAUTHORIZED, "{named}");
        }
        let ended = who.send(Method::DELETE, "/api/v1/sessions", None, &[]).await;
        assert_eq!(ended.status, StatusCode::OK, "{}", ended.json);
    }
}

#[tokio::test]
async fn what_somebody_may_do_is_told_to_them_and_to_admins() {
    let p = Platform::start().await;
    let (engineer, admin) = (p.engineer().await, p.admin().await);
    let path = async |who: &Client| {
        let me = who.get("/api/v1/auth/me").await.json;
        format!("/api/v1/users/{}/permissions", me["user_id"].as_str().unwrap())
    };
    let (own, of_admin) = (path(&engineer).await, path(&admin).await);
    let told = engineer.get(&own).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.json);
    let permissions = json!(["watch", "see_parameters", "submit_r0", "submit_r1", "submit_r2"]);
    assert_eq!((&told.json["role"], &told.json["permissions"]), (&json!("engineer"), &permissions));
    assert_eq!(told.json["sees_all_fleets"], false);
    assert_eq!(told.json["fleets"], json!([{ "fleet_id": p.fleet_id(), "until": null }]));
    assert_eq!(admin.get(&own).await.json, told.json);
    assert_eq!(admin.get(&of_admin).await.json["sees_all_fleets"], true);
    assert_eq!(engineer.get(&of_admin).await.status, StatusCode::FORBIDDEN);
    let nobody = format!("/api/v1/users/{NO_ID}/permissions");
    assert_eq!(admin.get(&nobody).await.status, StatusCode::NOT_FOUND);
    assert_eq!(engineer.get(&nobody).await.status, StatusCode::FORBIDDEN);
}

/// A row of a table: something, and which roles have it.
fn row(name: &str, is_for: impl Fn(Role) -> bool) -> String {
    let marks = Role::ALL.map(|role| if is_for(role) { "yes" } else { "" });
    format!("| {name} | {} |\n", marks.join(" | "))
}

fn head(columns: &str) -> String {
    let (names, rules) = (Role::ALL.map(Role::word).join(" | "), "---|".repeat(Role::ALL.len()));
    format!(
        "| {columns} | {names} |\n|{}{rules}\n",
        columns.split('|').map(|_| "---|").collect::<String>()
    )
}

fn tables() -> String {
    let permissions =
        Action::ALL.map(|action| row(&format!("`{}`", action.word()), |role| role.may(action)));
    let sees_all = row("sees fleets without a grant", Role::sees_all_fleets);
    let routes = private().into_iter().map(|route| {
        let Route { method, path, permission } = &route;
        row(&format!("{method} {path} | `{permission}`"), |role| route.is_for(role))
    });
    let sockets = ["/ws", "/ws/responses/{command_id}"]
        .map(|path| row(&format!("GET {path} | `watch`"), |role| role.may(Action::Watch)));
    let (permissions, routes) = (permissions.concat(), routes.collect::<String>());
    let (first, second) = (head("permission"), head("route | permission"));
    format!("\n{first}{permissions}{sees_all}\n{second}{routes}{}\n", sockets.concat())
}

#[test]
fn the_page_has_the_tables_of_roles_and_routes() {
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (told, after) = rest.split_once(END).unwrap();
    if env::var_os("UPDATE_PERMISSIONS").is_some() {
        return fs::write(PAGE, format!("{before}{BEGIN}{}{END}{after}", tables())).unwrap();
    }
    let advice = "docs/operate/security.md is old: run the tests once with UPDATE_PERMISSIONS=1";
    assert!(told == tables(), "{advice}");
}
