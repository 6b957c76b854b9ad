-- The running servers, as a hint for sharing work.
create table nodes (
    node_id uuid primary key,
    started_at bigint not null,
    seen_at bigint not null
);
