-- Times are microseconds since 1970 UTC. Ids are UUIDv7 (native). Words are those of the crate `model`.

create table fleets (
    fleet_id uuid primary key,
    name text not null unique
);

create table vehicles (
    vehicle_id uuid primary key,
    vin text not null,
    fleet_id uuid not null references fleets,
    make text not null,
    model text not null,
    year integer,
    sovd_url text not null,
    metadata text not null,
    connection_status text not null,
    last_seen_at bigint,
    revision bigint not null,
    -- A vehicle that is taken out of the registry keeps its row: the history refers to it.
    removed_at bigint
);

create unique index vehicles_vin on vehicles (vin) where removed_at is null;

create table users (
    user_id uuid primary key,
    username text not null unique,
    email text,
    role text not null,
    is_active boolean not null,
    password_hash text not null,
    -- Grows with every change of rights: nodes that cache rights follow it.
    access_changed_at bigint not null
);

create index users_access_changed on users (access_changed_at);

create table grants (
    user_id uuid not null references users on delete cascade,
    fleet_id uuid not null references fleets on delete cascade,
    until bigint,
    primary key (user_id, fleet_id)
);

create table sessions (
    session_id uuid primary key,
    user_id uuid not null references users on delete cascade,
    created_at bigint not null,
    -- The end whatever happens, and the end unless it is used before.
    expires_at bigint not null,
    idle_until bigint not null,
    ended_at bigint
);

create table refresh_tokens (
    token_hash bytea primary key,
    session_id uuid not null references sessions on delete cascade,
    used_at bigint
);

create table tickets (
    ticket_hash bytea primary key,
    session_id uuid not null references sessions on delete cascade,
    command_id uuid,
    expires_at bigint not null
);

create table signing_keys (
    kid text primary key,
    private_key bytea not null,
    public_key bytea not null,
    created_at bigint not null,
    retired_at bigint
);

create table commands (
    command_id uuid primary key,
    vehicle_id uuid not null references vehicles,
    user_id uuid not null references users,
    name text not null,
    params text not null,
    risk smallint not null,
    reason text,
    priority smallint not null,
    submitted_at bigint not null,
    deliver_by bigint not null,
    run_timeout_us bigint not null,
    trace_id text,
    state text not null,
    attempt integer not null,
    started_at bigint,
    not_before bigint,
    cancel_until bigint,
    owner uuid,
    lease_until bigint,
    fence bigint not null,
    due_at bigint,
    last_offset bigint not null,
    last_sequence integer not null,
    last_part integer not null,
    completed_at bigint,
    error_code text,
    error_message text,
    check ((due_at is null) = (state in ('completed', 'failed', 'rejected', 'cancelled', 'expired', 'unknown'))),
    check ((owner is not null) = (state in ('dispatched', 'running', 'cancelling')))
);

create index commands_due on commands (due_at) where due_at is not null;
create index commands_open on commands (vehicle_id, priority desc, command_id) where due_at is not null;
create index commands_leased on commands (lease_until) where lease_until is not null;
create index commands_of_vehicle on commands (vehicle_id, command_id);

create table events (
    command_id uuid not null references commands on delete cascade,
    event_offset bigint not null,
    kind text not null,
    sequence_number integer,
    attempt integer not null,
    part integer,
    recorded_at bigint not null,
    frame_bytes integer not null,
    frame text not null,
    primary key (command_id, event_offset),
    unique (command_id, attempt, part)
);

create table idempotency_keys (
    user_id uuid not null references users on delete cascade,
    key text not null,
    body_hash bytea not null,
    command_id uuid not null,
    created_at bigint not null,
    primary key (user_id, key)
);

create table audit (
    audit_id uuid primary key,
    recorded_at bigint not null,
    action text not null,
    actor_id uuid,
    actor text not null,
    session_hash text,
    address text,
    request_id text,
    object text,
    outcome text not null,
    reason text,
    details text
);
