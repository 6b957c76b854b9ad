-- Where a row stands in the chain, and the hash that ties it to the row before; null = not sealed yet.
alter table audit add column chain_position bigint;
alter table audit add column row_hash bytea;
create index audit_unsealed on audit (audit_id) where chain_position is null;
create index audit_sealed on audit (chain_position) where chain_position is not null;
