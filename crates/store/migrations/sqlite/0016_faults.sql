-- The faults that vehicles have, by the newest whole read of each of their entities.
create table faults (
    vehicle_id blob not null,
    entity text not null,
    code text not null,
    name text,
    severity integer,
    status text,
    command_id blob not null,
    read_at integer not null,
    primary key (vehicle_id, entity, code)
) strict;
create index faults_of_code on faults (code, entity, vehicle_id);
