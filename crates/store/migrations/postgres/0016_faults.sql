-- The faults that vehicles have, by the newest whole read of each of their entities.
create table faults (
    vehicle_id uuid not null,
    entity text not null,
    code text not null,
    name text,
    severity smallint,
    status text,
    command_id uuid not null,
    read_at bigint not null,
    primary key (vehicle_id, entity, code)
);
create index faults_of_code on faults (code, entity, vehicle_id);
