-- The running servers, as a hint for sharing work.
create table nodes (
    node_id blob primary key,
    started_at integer not null,
    seen_at integer not null
) strict;
