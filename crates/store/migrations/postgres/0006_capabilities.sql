-- What each vehicle offers, as its newest whole discovery has found it.
create table capabilities (
    vehicle_id uuid primary key,
    revision bigint not null,
    command_id uuid not null,
    discovered_at bigint not null,
    changed_at bigint not null,
    changes text not null,
    entities text not null
);
