-- How far the faults of each vehicle have been read.
create table fault_reads (
    vehicle_id uuid primary key,
    -- When all entities were asked; null = only some have been.
    whole_at bigint,
    oldest_at bigint not null,
    newest_at bigint not null,
    -- The entities of which nothing newer is known: they refused, or were cleared and not read again. JSON.
    unanswered text not null
);
