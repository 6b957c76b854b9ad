-- Times are microseconds since 1970 UTC. Ids are UUIDv7 (16 bytes). Words are those of the crate `model`.

create table fleets (
    fleet_id blob primary key,
    name text not null unique
) strict;

create table vehicles (
    vehicle_id blob primary key,
    vin text not null,
    fleet_id blob not null references fleets,
    make text not null,
    model text not null,
    year integer,
    sovd_url text not null,
    metadata text not null check (json_valid(metadata)),
    connection_status text not null,
    last_seen_at integer,
    revision integer not null,
    -- A vehicle that is taken out of the registry keeps its row: the history refers to it.
    removed_at integer
) strict;

create unique index vehicles_vin on vehicles (vin) where removed_at is null;

create table users (
    user_id blob primary key,
    username text not null unique,
    email text,
    role text not null,
    is_active integer not null,
    password_hash text not null,
    -- Grows with every change of rights: nodes that cache rights follow it.
    access_changed_at integer not null
) strict;

create index users_access_changed on users (access_changed_at);

create table grants (
    user_id blob not null references users on delete cascade,
    fleet_id blob not null references fleets on delete cascade,
    until integer,
    primary key (user_id, fleet_id)
) strict, without rowid;

create table sessions (
    session_id blob primary key,
    user_id blob not null references users on delete cascade,
    created_at integer not null,
    -- The end whatever happens, and the end unless it is used before.
    expires_at integer not null,
    idle_until integer not null,
    ended_at integer
) strict;

create table refresh_tokens (
    token_hash blob primary key,
    session_id blob not null references sessions on delete cascade,
    used_at integer
) strict, without rowid;

create table tickets (
    ticket_hash blob primary key,
    session_id blob not null references sessions on delete cascade,
    command_id blob,
    expires_at integer not null
) strict, without rowid;

create table signing_keys (
    kid text primary key,
    private_key blob not null,
    public_key blob not null,
    created_at integer not null,
    retired_at integer
) strict;

create table commands (
    command_id blob primary key,
    vehicle_id blob not null references vehicles,
    user_id blob not null references users,
    name text not null,
    params text not null check (json_valid(params)),
    risk integer not null,
    reason text,
    priority integer not null,
    submitted_at integer not null,
    deliver_by integer not null,
    run_timeout_us integer not null,
    trace_id text,
    state text not null,
    attempt integer not null,
    started_at integer,
    not_before integer,
    cancel_until integer,
    owner blob,
    lease_until integer,
    fence integer not null,
    due_at integer,
    last_offset integer not null,
    last_sequence integer not null,
    last_part integer not null,
    completed_at integer,
    error_code text,
    error_message text,
    check ((due_at is null) = (state in ('completed', 'failed', 'rejected', 'cancelled', 'expired', 'unknown'))),
    check ((owner is not null) = (state in ('dispatched', 'running', 'cancelling')))
) strict;

create index commands_due on commands (due_at) where due_at is not null;
create index commands_open on commands (vehicle_id, priority desc, command_id) where due_at is not null;
create index commands_leased on commands (lease_until) where lease_until is not null;
create index commands_of_vehicle on commands (vehicle_id, command_id);

create table events (
    command_id blob not null references commands on delete cascade,
    event_offset integer not null,
    kind text not null,
    sequence_number integer,
    attempt integer not null,
    part integer,
    recorded_at integer not null,
    frame_bytes integer not null,
    frame text not null,
    primary key (command_id, event_offset),
    unique (command_id, attempt, part)
) strict;

create table idempotency_keys (
    user_id blob not null references users on delete cascade,
    key text not null,
    body_hash blob not null,
    command_id blob not null,
    created_at integer not null,
    primary key (user_id, key)
) strict, without rowid;

create table audit (
    audit_id blob primary key,
    recorded_at integer not null,
    action text not null,
    actor_id blob,
    actor text not null,
    session_hash text,
    address text,
    request_id text,
    object text,
    outcome text not null,
    reason text,
    details text check (details is null or json_valid(details))
) strict;
