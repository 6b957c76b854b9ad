-- Signed statements about places of the chain: checkpoints, and the anchor where it begins after rows have been removed.
create table audit_seals (
    kind text not null,
    chain_position bigint not null,
    row_hash bytea not null,
    signed_at bigint not null,
    kid text not null,
    signature bytea not null,
    primary key (kind, chain_position)
);
