"""What schemathesis must not do to itself, to others, or to its own patience.

An admin's token reaches everything, the tool's own login too. So that it tests the interface and not its own end:

- logging out, and ending all of one's sessions, is done with the token of a throw-away admin, made for that one call;
- the user whose token is used is never changed, disabled or stripped of sessions by its id: the id becomes one of nobody;
- a new vehicle's address becomes one of this machine where nobody listens: the server would call whatever was made up;
- the events of a command are asked for as a page, and with a wait of a second: as a stream they end with the command.

So that it also sees what is behind the door, every second request that is right, and names a vehicle or command of
nobody, names one that is there; and every second command is one of the catalogue, with the example that stands there.

Logins of the tool come from 127.0.0.2: 127.0.0.1 is where the wrong passwords come from, and is soon made to wait.
"""

import os
import threading
import uuid
from urllib.parse import urlsplit

import requests
import schemathesis
from requests.adapters import HTTPAdapter

NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"
ENDS_OWN_LOGIN = {("POST", "/api/v1/auth/logout"), ("DELETE", "/api/v1/sessions")}
NOBODY_LISTENS = "http://127.0.0.1:9"


class FromElsewhere(HTTPAdapter):
    """Connects from an address of its own."""

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, source_address=("127.0.0.2", 0), **kwargs)


class Server:
    """The server under test, as the tool itself uses it."""

    def __init__(self):
        self.url = os.environ["API_URL"]
        self.session = requests.Session()
        self.session.mount("http://", FromElsewhere())
        self.lock = threading.Lock()
        self.own_token = self.login(os.environ["API_USER"], os.environ["API_PASSWORD"])
        own = self.ask("GET", "/auth/me")
        self.own_id = own["user_id"]
        self.own_session = next(it["session_id"] for it in self.ask("GET", "/sessions") if it["is_current"])

        self.examples = [(row["name"], row["schema"]["examples"]) for row in self.ask("GET", "/catalog")]
        self.vehicles = [it["vehicle_id"] for it in self.ask("GET", "/vehicles") if it["connection_status"] == "connected"]
        self.commands = [self.submit(vehicle, "vehicle.discover", {}) for vehicle in self.vehicles]
        self.turn = 0

    def submit(self, vehicle, name, params):
        draft = {"vehicle_id": vehicle, "command_name": name, "command_params": params}
        return self.ask("POST", "/commands", json=draft)["command_id"]

    def turns(self):
        """How often it was asked; the order of requests is the same in every run."""
        self.turn += 1
        return self.turn

    def ask(self, method, path, **kwargs):
        headers = {"Authorization": f"Bearer {self.own_token}"}
        answer = self.session.request(method, f"{self.url}/api/v1{path}", headers=headers, timeout=30, **kwargs)
        answer.raise_for_status()
        return answer.json()

    def login(self, name, password):
        credentials = {"username": name, "password": password}
        answer = self.session.post(f"{self.url}/api/v1/auth/login", json=credentials, timeout=30)
        answer.raise_for_status()
        return answer.json()["access_token"]

    def spare_token(self):
        """The token of an admin who is there for one call."""
        with self.lock:
            name, given, own = f"spare-{uuid.uuid4()}", uuid.uuid4().hex, uuid.uuid4().hex
            self.ask("POST", "/users", json={"username": name, "password": given, "role": "admin"})
            # What somebody else has set is good for its change only.
            self.ask("POST", "/auth/password", json={"username": name, "current": given, "new": own})
            return self.login(name, own)


WITH_TOKEN = os.environ.get("API_WITH_TOKEN") == "1"
SERVER = Server() if WITH_TOKEN else None

if WITH_TOKEN:

    @schemathesis.auth()
    class OwnLogin:
        def get(self, case, context):
            return SERVER.own_token

        def set(self, case, data, context):
            case.headers = case.headers or {}
            case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    if WITH_TOKEN:
        spare_self(case)
        show_around(case)
    spare_others(case)
    spare_time(case)


def spare_self(case):
    what = (case.method.upper(), case.operation.path)
    is_ours = (case.headers or {}).get("Authorization") == f"Bearer {SERVER.own_token}"
    if what in ENDS_OWN_LOGIN and is_ours:
        case.headers["Authorization"] = f"Bearer {SERVER.spare_token()}"
    if case.method.upper() == "GET":
        return
    for container in (case.path_parameters, case.query):
        for name in ("user_id", "session_id"):
            if container and container.get(name) in (SERVER.own_id, SERVER.own_session):
                container[name] = NOBODY


def show_around(case):
    is_right = case.meta is not None and case.meta.generation.mode.is_positive
    turn = SERVER.turns()
    if not is_right or turn % 2:
        return
    if case.operation.path == "/api/v1/commands" and isinstance(case.body, dict):
        name, examples = SERVER.examples[turn // 2 % len(SERVER.examples)]
        vehicle = SERVER.vehicles[turn % len(SERVER.vehicles)]
        case.body = {**case.body, "vehicle_id": vehicle, "command_name": name, "command_params": examples[0]}
    is_kept = case.method.upper() == "GET" or case.operation.path.endswith("/cancel")
    if is_kept and case.path_parameters:
        for name, there in (("command_id", SERVER.commands), ("vehicle_id", SERVER.vehicles)):
            if name in case.path_parameters:
                case.path_parameters[name] = there[turn // 2 % len(there)]


def spare_others(case):
    if not isinstance(case.body, dict) or not isinstance(case.body.get("sovd_url"), str):
        return
    try:
        address = urlsplit(case.body["sovd_url"])
    except ValueError:
        return
    if address.scheme in ("http", "https") and address.netloc:
        case.body = {**case.body, "sovd_url": f"{NOBODY_LISTENS}{address.path}"}


def spare_time(case):
    if case.operation.path == "/api/v1/commands/{command_id}/events":
        case.headers = case.headers or {}
        case.headers["Accept"] = "application/json"
        if case.query and str(case.query.get("wait", "")).isdigit():
            case.query["wait"] = min(int(case.query["wait"]), 1)
