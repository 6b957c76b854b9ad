-- The name that another program gave to what it said; null for what this server heard itself.
alter table events add column source text;
