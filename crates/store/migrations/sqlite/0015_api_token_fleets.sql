-- The fleets to which a token of a machine is confined.
create table api_token_fleets (
    session_id blob not null,
    fleet_id blob not null,
    primary key (session_id, fleet_id)
) strict, without rowid;
