-- Signed statements about places of the chain: checkpoints, and the anchor where it begins after rows have been removed.
create table audit_seals (
    kind text not null,
    chain_position integer not null,
    row_hash blob not null,
    signed_at integer not null,
    kid text not null,
    signature blob not null,
    primary key (kind, chain_position)
) strict;
