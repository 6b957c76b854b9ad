-- What each vehicle offers, as its newest whole discovery has found it.
create table capabilities (
    vehicle_id blob primary key,
    revision integer not null,
    command_id blob not null,
    discovered_at integer not null,
    changed_at integer not null,
    changes text not null,
    entities text not null
) strict;
